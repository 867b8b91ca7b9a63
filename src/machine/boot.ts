import { MachineError, messageOf } from '../contracts/errors.js'
import type { SshEndpoint } from '../contracts/ssh.js'
import { probeSsh } from '../ssh/connect.js'
import { isRetryableSsh } from '../ssh/errors.js'
import { timeoutSignal } from '../util/abort.js'
import { type Pending, pending, waitFor } from '../util/wait.js'
import { sshEndpoint } from './connect.js'
import type { ConsoleWatch } from './console-watch.js'
import type { MachineContext } from './context.js'
import type { OpenMachine } from './open.js'

const BOOT_MS = 60_000
const BANNER_MS = 2_000
/** A login on the jump host comes first. */
const JUMP_BANNER_MS = 10_000
/** Beside those: a line may need seconds for a round trip, and a login on a jump host several of them. */
const SLOW_BANNER_MS = 45_000
/** How often the wait may be prolonged because the console still moves. */
const MAX_EXTENSIONS = 4

/** Waits until a guest's sshd says its banner; ends at once when the guest panics or its VM is gone. */
export async function waitForBoot(
  ctx: MachineContext,
  open: OpenMachine,
  watch: ConsoleWatch,
  signal: AbortSignal,
): Promise<void> {
  const endpoint = sshEndpoint(ctx, open)
  const { host, port, jump } = endpoint
  const slow = new SlowLook(endpoint, signal)
  let extensions = 0
  try {
    await waitFor<string>(
      `${open.name} to boot (SSH banner on ${host}:${port})`,
      async (probe): Promise<string | Pending | undefined> => {
        await refuseDead(open, watch)
        return await banner(endpoint, jump ? JUMP_BANNER_MS : BANNER_MS, probe, slow)
      },
      {
        deadlineMs: BOOT_MS * (open.driver.patience?.(open.machine) ?? 1),
        intervalMs: jump ? 1_000 : 100,
        maxIntervalMs: jump ? 2_000 : 200,
        signal,
        clock: ctx.clock,
        extendMs: () => (extensions++ < MAX_EXTENSIONS ? watch.extendMs() : 0),
        evidence: () => watch.tail(),
      },
    )
  } finally {
    slow.end()
  }
  if (watch.dataInRam) ctx.report({ type: 'warn', machine: open.name, text: watch.dataInRam })
}

async function banner(
  endpoint: SshEndpoint,
  limitMs: number,
  probe: AbortSignal,
  slow: SlowLook,
): Promise<string | Pending | undefined> {
  const limit = timeoutSignal(limitMs)
  try {
    return await probeSsh(endpoint, AbortSignal.any([probe, limit]))
  } catch (error) {
    // What was seen before counts: this look was cut short.
    if (probe.aborted) return undefined
    if (limit.aborted) return slow.banner() ?? pending(`no answer within ${limitMs / 1000} s`)
    if (isRetryableSsh(error)) return pending(messageOf(error))
    throw error
  }
}

/**
 * A look that lasts longer than the others, from the first that heard nothing. It never takes their place: a guest that is
 * not up yet may swallow a connection for good, and the next one is answered at once.
 */
class SlowLook {
  readonly #over = new AbortController()
  #runs = false
  #banner: string | undefined

  constructor(
    private readonly endpoint: SshEndpoint,
    private readonly signal: AbortSignal,
  ) {}

  /** What one has heard by now; if nothing, there is one. */
  banner(): string | undefined {
    if (this.#banner === undefined && !this.#runs) void this.#look()
    return this.#banner
  }

  end(): void {
    this.#over.abort()
  }

  async #look(): Promise<void> {
    this.#runs = true
    const limit = timeoutSignal(SLOW_BANNER_MS)
    try {
      this.#banner = await probeSsh(this.endpoint, AbortSignal.any([this.#over.signal, this.signal, limit]))
    } catch {
      // The short looks tell why.
    } finally {
      this.#runs = false
    }
  }
}

/** Nothing is to be waited for in a guest whose kernel stopped. @throws MachineError with its last words */
export function refusePanic(name: string, watch: ConsoleWatch | undefined): void {
  if (watch?.panic === undefined) return
  throw new MachineError('driver', `The guest's kernel stopped: ${watch.panic}`, {
    hints: [`tsmachine logs ${name} --boot`],
  })
}

async function refuseDead(open: OpenMachine, watch: ConsoleWatch): Promise<void> {
  refusePanic(open.name, watch)
  const state = open.driver.localState?.(open.machine)
  if (state === undefined || state === 'Running' || state === 'Starting') return
  const evidence = await watch.lastWords()
  throw new MachineError(
    'driver',
    `The VM of "${open.name}" ended while it was booting (state ${state || 'unknown'})`,
    evidence === undefined ? {} : { evidence },
  )
}
