import { MachineError } from '../contracts/errors.js'
import type { MachineState } from '../contracts/state.js'
import { withDeadline } from '../util/wait.js'
import type { MachineContext } from './context.js'
import { recordEvents } from './driver-events.js'
import { noteState } from './last-state.js'
import { type OpenMachine, openMachine, requireVerb } from './open.js'
import { requireProvisioned } from './start.js'
import { machineState } from './state.js'

/** Above the driver's own limit, whose text is the better one. */
const SUSPEND_MS = 2_000_000
/** The guest runs on, and what was written is removed. */
const GRACE_MS = 15_000

/** Keeps a running machine's memory on this computer and ends it. @throws MachineError when it is not running */
export async function suspendMachine(ctx: MachineContext, name: string): Promise<void> {
  const lock = await ctx.store.lock(name, `suspend ${name}`, { signal: ctx.signal })
  try {
    const open = await openMachine(ctx, name)
    const suspend = requireVerb(open, 'suspend')
    requireProvisioned(open)
    refuseUnlessRunning(open, await machineState(open, ctx.signal))
    await withDeadline(
      `${name} to be suspended`,
      SUSPEND_MS,
      (signal) => recordEvents(ctx, name, open.factory, suspend(open.machine, signal)),
      { signal: ctx.signal, graceMs: GRACE_MS, clock: ctx.clock },
    )
    await noteState(ctx, open, 'Saved')
  } finally {
    await lock.release()
  }
}

function refuseUnlessRunning({ name }: OpenMachine, state: MachineState): void {
  if (state === 'Running') return
  if (state === 'Saved')
    throw new MachineError('driver', `Machine "${name}" is already suspended.`, { machine: name })
  if (state === 'Stopped' || state === '')
    throw new MachineError('not-running', `Machine "${name}" is not running.`, { machine: name })
  throw new MachineError(
    'driver',
    `Only a running machine can be suspended, and the state of "${name}" is ${state}.`,
    {
      machine: name,
      hints:
        state === 'Paused' ? [`Let it run on: tsmachine start ${name}`] : [`tsmachine logs ${name} --boot`],
    },
  )
}
