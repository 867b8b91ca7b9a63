import { engineLog } from '../../provision/engine-log.js'
import { FREE_SPACE, type HostTrouble, troubleHints, troubleTexts } from '../../provision/host-trouble.js'
import { type ErrorCode, isMachineError, MachineError } from '../contracts/errors.js'
import type { RemoteShell } from '../contracts/ssh.js'
import { withDeadline } from '../util/wait.js'
import { openShell } from './connect.js'
import type { MachineContext } from './context.js'
import type { CreateState } from './create-state.js'
import type { OpenMachine } from './open.js'

const LOG_LINES = 30
/** For a host that may be why all this failed. */
const LOOK_MS = 20_000

/** Failures that a host may explain. Of others more is known than it could say. */
const EXPLAINED: ReadonlySet<ErrorCode> = new Set(['engine', 'provision', 'timeout', 'tls'])

/**
 * Adds to a failure what the host says: the engine's log where there is no other evidence, and what is full, short or
 * wrong there. Any other error is returned as it is.
 * @param shell a connection that is open already
 */
export async function explainByHost(
  ctx: MachineContext,
  open: OpenMachine,
  error: unknown,
  shell?: RemoteShell,
): Promise<unknown> {
  if (!isMachineError(error) || !EXPLAINED.has(error.code) || ctx.signal.aborted) return error
  const said = await look(ctx, open, shell)
  return said ? withTrouble(error, open, said, ctx.clock.now()) : error
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
