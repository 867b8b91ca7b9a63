import { engineLog } from '../../provision/engine-log.js'
import { isMachineError } from '../contracts/errors.js'
import { apiMismatch, localClientApi } from '../engine/client-api.js'
import { isPlainlyTrusted } from '../engine/plain-trust.js'
import { EngineProbeError, probeEngine, type EngineAnswer } from '../engine/probe.js'
import { type Pending, pending, waitFor } from '../util/wait.js'
import { clientFiles } from './certificates.js'
import { type ClientPem, readClientPem } from './client-pem.js'
import type { MachineContext } from './context.js'
import type { CreateState } from './create-state.js'
import { recordEvents } from './driver-events.js'
import { ensureTunnel } from './engine-tunnel.js'
import type { OpenMachine } from './open.js'

const PROBE_MS = 10_000

/** One mutual-TLS question to a machine's engine, from this computer. @throws EngineProbeError saying what failed */
export async function askEngine(
  open: OpenMachine,
  signal: AbortSignal,
  readPem: (open: OpenMachine) => ClientPem = readClientPem,
): Promise<EngineAnswer> {
  return await askPort(open, open.driver.endpoint(open.machine).engine, signal, readPem)
}

/** The same at another port of the machine. */
export async function askPort(
  open: OpenMachine,
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
  readPem: (open: OpenMachine) => ClientPem = readClientPem,
): Promise<EngineAnswer> {
  const pem = readPem(open)
  return await probeEngine({ host, port, ...pem, signal, deadlineMs: PROBE_MS })
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

/** Waits until the engine answers; undefined: with a certificate that does not fit, which is the next stage's business. */
export async function waitForEngine(
  ctx: MachineContext,
  open: OpenMachine,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<EngineAnswer | undefined> {
  await ensureTunnel(ctx, open)
  const { answer } = await waitFor<Heard>(`the engine of ${open.name}`, () => answers(open, signal), {
    deadlineMs,
    intervalMs: 100,
    maxIntervalMs: 200,
    signal,
    clock: ctx.clock,
  })
  return answer
}

interface Heard {
  readonly answer?: EngineAnswer
}

async function answers(open: OpenMachine, signal: AbortSignal): Promise<Heard | Pending> {
  try {
    return { answer: await askEngine(open, signal) }
  } catch (error) {
    if (!(error instanceof EngineProbeError)) throw error
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

const LOG_LINES = 30

/** The engine's own last words, for an error text. */
export async function engineEvidence(state: CreateState): Promise<string | undefined> {
  if (!state.shell) return undefined
  return await engineLog(state.shell, LOG_LINES).catch(() => undefined)
}

/** Adds the engine's log to an error that has no evidence of its own. */
export async function withEngineLog(state: CreateState, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isMachineError(error) || error.evidence !== undefined) throw error
    const evidence = await engineEvidence(state)
    throw evidence === undefined ? error : error.with({ evidence })
  }
}
