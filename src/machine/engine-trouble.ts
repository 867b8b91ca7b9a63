import { engineLog } from '../../provision/engine-log.js'
import { FREE_SPACE, type HostTrouble, troubleHints, troubleTexts } from '../../provision/host-trouble.js'
import { type ErrorCode, isMachineError, MachineError } from '../contracts/errors.js'
import type { RemoteShell } from '../contracts/ssh.js'
import { withDeadline } from '../util/wait.js'
import { openShell } from './connect.js'
import { explainByConsole } from './console-trouble.js'
import type { MachineContext } from './context.js'
import type { CreateState } from './create-state.js'
import type { OpenMachine } from './open.js'
import { explainByState } from './state-trouble.js'

const LOG_LINES = 30
/** For a host that may be why all this failed. */
const LOOK_MS = 20_000

/** Failures that a host may explain. Of others more is known than it could say. */
const EXPLAINED: ReadonlySet<ErrorCode> = new Set(['engine', 'provision', 'timeout', 'tls'])
/** These and a lost connection may be of a machine that has stopped meanwhile. */
const OF_A_SILENT_HOST: ReadonlySet<ErrorCode> = new Set([...EXPLAINED, 'ssh'])

/**
 * Adds to a failure what the host says: the engine's log where there is no other evidence, and what is full, short or
 * wrong there. Of one that says nothing its driver and its console do. Any other error is returned as it is.
 * @param shell a connection that is open already
 */
export async function explainByHost(
  ctx: MachineContext,
  open: OpenMachine,
  error: unknown,
  shell?: RemoteShell,
): Promise<unknown> {
  if (!isMachineError(error) || !OF_A_SILENT_HOST.has(error.code) || ctx.signal.aborted) return error
  const stopped = await explainByState(ctx, open, error)
  if (stopped) return stopped
  const said = EXPLAINED.has(error.code) ? await look(ctx, open, shell) : undefined
  return said ? withTrouble(error, open, said, ctx.clock.now()) : await explainByConsole(ctx, open, error)
}

/** Does work that an engine may fail, with failures that say what the host says. */
export async function explained<T>(
  ctx: MachineContext,
  open: OpenMachine,
  work: () => Promise<T>,
  shell?: RemoteShell,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw await explainByHost(ctx, open, error, shell)
  }
}

/** For stages: what failed in the machine's host is told by that host. */
export async function explainStage(state: CreateState, error: unknown): Promise<unknown> {
  return await explainByHost(state.ctx, state.open, error, state.shell)
}

/** For a stage before anybody gets into the host: its console says most, and its driver whether it runs at all. */
export async function explainSilence({ ctx, open }: CreateState, error: unknown): Promise<unknown> {
  const said = await explainByConsole(ctx, open, error)
  const isTold = isMachineError(said) && isMachineError(error) && said.message !== error.message
  if (isTold || !isMachineError(said) || said.code === 'host-key' || ctx.signal.aborted) return said
  return (await explainByState(ctx, open, said)) ?? said
}

/** For a boot, whose console has been watched: its driver knows whether it may still come. */
export async function explainTimeout({ ctx, open }: CreateState, error: unknown): Promise<unknown> {
  if (!isMachineError(error) || error.code !== 'timeout' || ctx.signal.aborted) return error
  return (await explainByState(ctx, open, error)) ?? error
}

type Said = Awaited<ReturnType<typeof engineLog>>

/** Undefined where nobody answers: the failure is told as it is. */
async function look(
  ctx: MachineContext,
  open: OpenMachine,
  shell: RemoteShell | undefined,
): Promise<Said | undefined> {
  const { clock, signal } = ctx
  const deadlineMs = LOOK_MS * (open.driver.patience?.(open.machine) ?? 1)
  const ask = async (limit: AbortSignal): Promise<Said> => {
    const used = shell ?? (await openShell(ctx, open, { deadlineMs, signal: limit }))
    try {
      return await engineLog(used, LOG_LINES, { signal: limit })
    } finally {
      if (used !== shell) used.close()
    }
  }
  try {
    return await withDeadline(`what ${open.name} says of itself`, deadlineMs, ask, { clock, signal })
  } catch {
    return undefined
  }
}

function withTrouble(
  error: MachineError,
  { name, ledger }: OpenMachine,
  { log, trouble }: Said,
  now: Date,
): MachineError {
  const { code, message, cause, exitCode, stage, hints } = error
  const again = `tsmachine ${ledger.phase === 'ready' ? `provision ${name}` : `create ${name} --resume`}`
  const evidence = error.evidence ?? logEvidence(error, log)
  return new MachineError(code, [message, ...troubleTexts(trouble, now)].join('. '), {
    machine: error.machine ?? name,
    exitCode,
    cause,
    hints: ordered(hints, trouble, troubleHints(trouble, name, again)),
    ...(evidence === undefined ? {} : { evidence }),
    ...(stage === undefined ? {} : { stage }),
  })
}

/** The engine's log says nothing of why a plan was refused. */
function logEvidence({ code }: MachineError, log: string): string | undefined {
  return code === 'provision' || log === '' ? undefined : log
}

/** What is known to be wrong comes first, in place of the guess from the failed program's words. */
function ordered(
  hints: readonly string[],
  trouble: HostTrouble,
  first: readonly string[],
): readonly string[] {
  const others = trouble.full.length > 0 ? hints.filter((hint) => hint !== FREE_SPACE) : hints
  return [...new Set([...first, ...others])]
}
