/**
 * Removing with a machine's own credentials. Those of a variable that is set now may be of another account, where
 * everything that the record names looks gone.
 */
import { MachineError, toMachineError } from '../contracts/errors.js'
import { withDeadline } from '../util/wait.js'
import type { MachineContext } from './context.js'
import type { OpenMachine, OpenOptions } from './open.js'
import { sameSecrets, secretVariables } from './secrets.js'

const LOOK_MS = 30_000

type Open = (how: OpenOptions) => Promise<OpenMachine>

/**
 * Opens a machine and does `work` with what its record refers to. Where that fails (a file is gone, a token was revoked),
 * again with the variables, but only if they lead to the machine. Returns it as it was opened for what succeeded.
 * @throws MachineError what failed first; `driver` where the variables lead elsewhere
 */
export async function withRecordedSecrets(
  ctx: MachineContext,
  open: Open,
  work: (opened: OpenMachine) => Promise<void>,
): Promise<OpenMachine> {
  let recorded: OpenMachine | undefined
  try {
    recorded = await open({ secrets: 'record-first' })
    await work(recorded)
    return recorded
  } catch (error) {
    const now = ctx.signal.aborted ? undefined : await withVariables(open, recorded)
    if (!now) throw error
    await requireThere(ctx, now, error)
    await work(now)
    return now
  }
}

/** Undefined where the variables say nothing else than the record. */
async function withVariables(open: Open, recorded?: OpenMachine): Promise<OpenMachine | undefined> {
  const now = await open({ secrets: true }).catch(() => undefined)
  return now && recorded && sameSecrets(now.secrets, recorded.secrets) ? undefined : now
}

/** A driver takes what it does not find as removed: whether it looks in the right place has to be known before. */
async function requireThere(ctx: MachineContext, open: OpenMachine, error: unknown): Promise<void> {
  const { name, ledger, driver, machine, factory } = open
  if (!ledger.resources.some(({ state }) => state === 'made')) return
  const look = (signal: AbortSignal) => driver.states([machine], signal)
  const options = { signal: ctx.signal, clock: ctx.clock }
  const [report] = await withDeadline(`the state of ${name}`, LOOK_MS, look, options).catch(() => {
    throw error
  })
  if (report && (report.state !== 'Error' || report.address !== undefined)) return
  const set = secretVariables(ctx, factory).join(', ')
  const { message, hints } = toMachineError(error)
  throw new MachineError(
    'driver',
    `${message}; with ${set}, which counts then, "${name}" is not found: that may be another account`,
    {
      machine: name,
      hints: [`Unset ${set}, and see to the credentials that the record of "${name}" refers to.`, ...hints],
      cause: error,
    },
  )
}
