import { MachineError, messageOf } from '../contracts/errors.js'
import { withDeadline } from '../util/wait.js'
import { requireRunning } from './address.js'
import type { MachineContext } from './context.js'
import { type OpenMachine, openWithoutSecrets } from './open.js'
import { askEngine } from './verify.js'

const VERSION_MS = 30_000

/** Version of a machine's engine, bare (`26.1.5`). @throws the probe's own error, or `timeout` */
export async function engineVersion(
  ctx: MachineContext,
  open: OpenMachine,
  deadlineMs: number,
): Promise<string> {
  const answer = await withDeadline(
    `the engine of ${open.name}`,
    deadlineMs,
    async (signal) => await askEngine(open, signal),
    { signal: ctx.signal },
  )
  return answer.version
}

/** Why the version is not known, in docker-machine's words. */
export function versionFailure(cause: unknown): string {
  return `Unable to query docker version: ${messageOf(cause)}`
}

/** The same by name, with docker-machine's error text. */
export async function machineVersion(ctx: MachineContext, name: string): Promise<string> {
  const open = await openWithoutSecrets(ctx, name)
  try {
    requireRunning(open)
    return await engineVersion(ctx, open, VERSION_MS)
  } catch (cause) {
    throw new MachineError('engine', versionFailure(cause), { machine: name, cause })
  }
}
