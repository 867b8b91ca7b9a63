import { MachineError } from '../contracts/errors.js'
import { apiMismatch, localClientApi } from '../engine/client-api.js'
import { isPlainlyTrusted } from '../engine/plain-trust.js'
import { EngineProbeError, probeEngine, type EngineAnswer } from '../engine/probe.js'
import { type Pending, pending, waitFor } from '../util/wait.js'
import { refusePanic } from './boot.js'
import { clientFiles } from './certificates.js'
import { type ClientPem, readClientPem } from './client-pem.js'
import type { ConsoleWatch } from './console-watch.js'
import type { MachineContext } from './context.js'
import type { CreateState } from './create-state.js'
import { recordEvents } from './driver-events.js'
import { ensureTunnel } from './engine-tunnel.js'
import type { OpenMachine } from './open.js'

const PROBE_MS = 10_000
/** A line of long round trips needs several for an answer: who waits asks longer each time. */
const SLOW_PROBE_MS = 40_000

/** One mutual-TLS question to a machine's engine, from this computer. @throws EngineProbeError saying what failed */
export async function askEngine(
  open: OpenMachine,
  signal: AbortSignal,
  readPem: (open: OpenMachine) => ClientPem = readClientPem,
  deadlineMs = PROBE_MS,
): Promise<EngineAnswer> {
  return await askPort(open, open.driver.endpoint(open.machine).engine, signal, readPem, deadlineMs)
}

/** The same at another port of the machine. */
export async function askPort(
  open: OpenMachine,
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
  readPem: (open: OpenMachine) => ClientPem = readClientPem,
  deadlineMs = PROBE_MS,
): Promise<EngineAnswer> {
  const pem = readPem(open)
  return await probeEngine({ host, port, ...pem, signal, deadlineMs })
}

/** As `askEngine`, for a verdict within milliseconds: one that fails may be a good one. @throws EngineProbeError */
export async function askPlainly(open: OpenMachine, signal: AbortSignal): Promise<EngineAnswer> {
  const { host, port } = open.driver.endpoint(open.machine).engine
  return await probeEngine({ host, port, ...readClientPem(open), trusts: isPlainlyTrusted, signal })
}

const CERTIFICATE_FAULTS: ReadonlySet<string> = new Set([
  'expired',
  'not-yet-valid',
  'wrong-ca',
  'name-mismatch',
  'client-refused',
])

/** Whether an engine answered, but with or for certificates that do not fit. */
export function isCertificateFault(error: unknown): error is EngineProbeError & { layer: 'tls' } {
  return error instanceof EngineProbeError && CERTIFICATE_FAULTS.has(error.reason)
}

/** So often may an engine end while its machine starts: each time it is started again, ever later. */
const ENGINE_ENDS = 5

/**
 * Waits until the engine answers; undefined: with a certificate that does not fit, which is the next stage's business.
 * @param watch tells that waiting is of no use
 */
export async function waitForEngine(
  ctx: MachineContext,
  open: OpenMachine,
  deadlineMs: number,
  signal: AbortSignal,
  watch?: ConsoleWatch,
): Promise<EngineAnswer | undefined> {
  await ensureTunnel(ctx, open)
  const before = watch?.engineEnds.times ?? 0
  const patience = { ms: PROBE_MS }
  const look = async (limit: AbortSignal): Promise<Heard | Pending> => {
    const heard = await answers(open, limit, patience)
    if (!('answer' in heard)) {
      refusePanic(open.name, watch)
      refuseEnding(open.name, watch, before)
    }
    return heard
  }
  const { answer } = await waitFor<Heard>(`the engine of ${open.name}`, look, {
    deadlineMs,
    intervalMs: 100,
    maxIntervalMs: 200,
    signal,
    clock: ctx.clock,
  })
  return answer
}

/** One that has ended before we came may have got what it lacked. */
function refuseEnding(name: string, watch: ConsoleWatch | undefined, before: number): void {
  const { times, exit } = watch?.engineEnds ?? { times: 0, exit: '' }
  if (times < ENGINE_ENDS || times <= before) return
  throw new MachineError(
    'engine',
    `The engine of "${name}" ends as soon as it is started (${times} times, exit ${exit})`,
  )
}

interface Heard {
  readonly answer?: EngineAnswer
}

async function answers(
  open: OpenMachine,
  signal: AbortSignal,
  patience: { ms: number },
): Promise<Heard | Pending> {
  try {
    return { answer: await askEngine(open, signal, readClientPem, patience.ms) }
  } catch (error) {
    if (!(error instanceof EngineProbeError)) throw error
    if (error.reason === 'timeout') patience.ms = Math.min(SLOW_PROBE_MS, patience.ms * 2)
    return isCertificateFault(error) ? {} : pending(error.message)
  }
}

/** Stage `tls`: the engine is who we think, its API suits the local client; what depends on it is started. */
export async function verifyTls(state: CreateState, signal: AbortSignal): Promise<void> {
  const { ctx, open } = state
  const [answer, client] = await Promise.all([
    state.answer ?? askEngine(open, signal),
    localClientApi(ctx.env, signal),
  ])
  const mismatch = client === undefined ? undefined : apiMismatch(answer, client)
  if (mismatch !== undefined) ctx.report({ type: 'warn', machine: open.name, text: mismatch })
  await state.update((ledger) => ({
    ...ledger,
    ...(ledger.engine ? { engine: { ...ledger.engine, version: answer.version } } : {}),
  }))
  await startFollowers(ctx, open, signal)
}

/** Starts what a driver ties to a running engine (port forwarder). */
export async function startFollowers(
  ctx: MachineContext,
  open: OpenMachine,
  signal: AbortSignal,
): Promise<void> {
  const events = open.driver.engineReady?.(open.machine, clientFiles(open.record.dir), signal)
  if (events) await recordEvents(ctx, open.name, open.factory, events)
}
