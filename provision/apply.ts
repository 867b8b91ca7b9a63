import { Readable } from 'node:stream'
import { MachineError } from '../src/contracts/errors.js'
import type { ReportEvent } from '../src/contracts/events.js'
import type { Facts, Plan } from '../src/contracts/provision.js'
import type { RemoteResult, RemoteShell } from '../src/contracts/ssh.js'
import { applyStream, openBundle, type Bundle } from './bundle.js'
import { FREE_SPACE } from './host-trouble.js'
import { controlArchive, stepNumber } from './control.js'
import { type Delivery, driverScript, Standby } from './standby.js'
import { askingSudo, execWithPassword } from './sudo-password.js'

/** What carrying out a plan needs besides the plan. */
export interface ApplyOptions {
  readonly facts: Facts
  /** Started on this connection before the plan was known. */
  readonly standby?: Standby
  /** Directory of the engine bundle, when the plan installs one. */
  readonly bundleDir?: string
  readonly report?: (event: ReportEvent) => void
  readonly signal?: AbortSignal
  /** Milliseconds for everything, the bundle's way over a slow line included. */
  readonly deadlineMs?: number
  /** Prefix of all paths on the host (tests). */
  readonly root?: string
}

const DEADLINE_MS = 30 * 60_000

/**
 * Carries out a plan on a host in one round trip (none when there is nothing to do). Steps already done are skipped
 * there; after a failure or a cut connection the same plan, or a new one, can be applied again.
 * @throws MachineError `provision` naming the step that failed, with what it printed
 */
export async function apply(shell: RemoteShell, plan: Plan, options: ApplyOptions): Promise<void> {
  if (plan.steps.length === 0) {
    options.standby?.dismiss()
    return
  }
  const bundle = await bundleOf(plan, options.bundleDir)
  const control = controlArchive(plan, {
    root: options.root ?? '',
    ...(bundle ? { bundle: bundle.sizes } : {}),
  })
  const progress = new Progress(plan, options.report ?? (() => undefined))
  const stream = Readable.from(
    applyStream(control, bundle, (bytes) => progress.sent(bytes, bundle?.bytes ?? 0)),
  )
  try {
    const delivery: Delivery = {
      sudo: options.facts.sudo,
      controlBytes: control.length,
      stream,
      onLine: (line) => progress.line(line),
      deadlineMs: options.deadlineMs ?? DEADLINE_MS,
      ...(options.signal ? { signal: options.signal } : {}),
    }
    const result = await runDriver(shell, delivery, options.standby)
    if (result.code !== 0 || !progress.isDone) throw progress.failure(result)
  } catch (error) {
    // What could not be read here is why the host got no further.
    throw stream.errored ?? error
  } finally {
    // A host that refuses early leaves most of the bundle unread.
    stream.destroy()
  }
}

async function bundleOf(plan: Plan, dir: string | undefined): Promise<Bundle | undefined> {
  const step = plan.steps.find((candidate) => candidate.kind === 'bundle')
  if (step?.kind !== 'bundle') return undefined
  if (dir !== undefined) return await openBundle(dir, step.version)
  throw new MachineError(
    'image',
    `The plan installs the engine ${step.version}, and there is no bundle here`,
    {
      hints: ['tsmachine image build engine'],
    },
  )
}

async function runDriver(
  shell: RemoteShell,
  delivery: Delivery,
  standby: Standby | undefined,
): Promise<RemoteResult> {
  const { sudo, controlBytes, stream, onLine, deadlineMs, signal } = delivery
  if (sudo !== 'given' || !shell.sudoPassword) {
    const driver = standby?.isWaiting ? standby : new Standby(shell, signal)
    return await driver.carryOut(delivery)
  }
  standby?.dismiss()
  return await execWithPassword(
    shell,
    shell.sudoPassword,
    askingSudo(driverScript(controlBytes.toString())),
    {
      stdin: stream,
      deadlineMs,
      onStdoutLine: onLine,
      ...(signal ? { signal } : {}),
    },
  )
}

/** Follows what apply.sh prints. */
class Progress {
  isDone = false
  readonly #steps: ReadonlyMap<string, string>
  readonly #report: (event: ReportEvent) => void
  readonly #output: string[] = []
  readonly #log: string[] = []
  #failed: string | undefined
  #busy = false
  #percent = -1

  constructor(plan: Plan, report: (event: ReportEvent) => void) {
    this.#steps = new Map(plan.steps.map((step, index) => [stepNumber(index), step.why]))
    this.#report = report
  }

  line(line: string): void {
    const [, word = '', rest = ''] = /^@@(\w+) ?(.*)$/.exec(line) ?? []
    if (word === 'done') this.isDone = true
    else if (word === 'busy') this.#busy = true
    else if (word === 'out') this.#output.push(rest)
    else if (word === 'log') this.#log.push(rest)
    else if (word === 'note') this.#report({ type: 'info', text: rest })
    else if (word === 'step') this.#step(rest)
  }

  #step(rest: string): void {
    const [number = '', what = ''] = rest.split(' ')
    const why = this.#steps.get(number) ?? number
    if (what === 'fail') this.#failed = why
    if (what === 'start')
      this.#report({ type: 'progress', text: why, done: Number(number), total: this.#steps.size })
    else this.#report({ type: 'debug', text: `${why}: ${what}` })
  }

  sent(bytes: number, total: number): void {
    const percent = Math.floor((bytes / total) * 20) * 5
    if (percent === this.#percent) return
    this.#percent = percent
    this.#report({ type: 'progress', text: 'sending the engine', done: bytes, total })
  }

  failure(result: RemoteResult): MachineError {
    const text = [...this.#output, ...this.#log].join('\n') || result.stderr.trim()
    return new MachineError('provision', this.#message(result), {
      hints: HINTS.filter(({ seen }) => seen.test(text)).map(({ hint }) => hint),
      ...(text === '' ? {} : { evidence: lastLines(text, 4000) }),
    })
  }

  #message(result: RemoteResult): string {
    if (this.#failed !== undefined) return `The host could not ${this.#failed}`
    if (this.#busy) return 'Another tsmachine is still provisioning this host'
    if (result.code === 90 || result.code === 91)
      return 'The host could not take the plan: no private directory or no working tar'
    return `Provisioning ended before its last step (exit ${String(result.code ?? result.signal)})`
  }
}

/** Whole lines only. */
function lastLines(text: string, limit: number): string {
  if (text.length <= limit) return text
  return text.slice(-limit).replace(/^.*\n/, '')
}

/** What to try, by what the host said. */
const HINTS: readonly { readonly seen: RegExp; readonly hint: string }[] = [
  { seen: /no space left on device/i, hint: FREE_SPACE },
  {
    seen: /noexec|permission denied/i,
    hint: 'Programs must be allowed below /opt: mount -o remount,exec /opt',
  },
  { seen: /read-only file system/i, hint: 'The host cannot write there: see `dmesg` on it for disk errors.' },
  { seen: /--force/, hint: 'Run the command again with --force.' },
]
