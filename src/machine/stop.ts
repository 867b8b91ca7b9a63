import { MachineError } from '../contracts/errors.js'
import { withDeadline } from '../util/wait.js'
import type { MachineContext } from './context.js'
import { lockToEnd } from './full-disk.js'
import { recordEvents } from './driver-events.js'
import { machineImage } from './image.js'
import { noteState } from './last-state.js'
import { graceOf, limitOf } from './limits.js'
import { type OpenMachine, openMachine, requireVerb } from './open.js'
import { powerState } from './state.js'

/** Above any driver's own limit, whose text is the better one. */
const STOP_MS = 120_000
const KILL_MS = 20_000
/** A provider takes its time. */
const REMOTE_KILL_MS = 120_000

/** Powers a machine off cleanly. @throws MachineError when it is stopped already, or did not power off in time */
export async function stopMachine(ctx: MachineContext, name: string): Promise<void> {
  await powerOff(ctx, name, 'stop')
}

/** Ends a machine at once, as if its plug were pulled. */
export async function killMachine(ctx: MachineContext, name: string): Promise<void> {
  await powerOff(ctx, name, 'kill')
}

async function powerOff(ctx: MachineContext, name: string, verb: 'stop' | 'kill'): Promise<void> {
  const lock = await lockToEnd(ctx, name, `${verb} ${name}`)
  try {
    const open = await openMachine(ctx, name)
    if ((await powerState(open, ctx.signal)) === 'Stopped')
      throw new MachineError('driver', `Machine "${name}" is already stopped.`, { machine: name })
    await takeDown(ctx, open, verb)
  } finally {
    await lock.release()
  }
}

/** A suspended guest must run to end cleanly: its memory holds what is not on its disk yet. */
async function awake(ctx: MachineContext, open: OpenMachine): Promise<OpenMachine> {
  const { name, factory } = open
  if (!factory.capabilities.suspend || (await powerState(open, ctx.signal)) !== 'Saved') return open
  ctx.report({ type: 'info', machine: name, text: `Resuming "${name}" to stop it cleanly...` })
  const start = requireVerb(open, 'start')
  const image = await machineImage(ctx, open)
  await withDeadline(
    `${name} to resume`,
    limitOf(open, 'start', STOP_MS),
    (signal) => recordEvents(ctx, name, factory, start(open.machine, image, signal)),
    { signal: ctx.signal, graceMs: 2_000, clock: ctx.clock, hints: [`tsmachine kill ${name}`] },
  )
  return await openMachine(ctx, name)
}

/** Runs the driver's verb within its deadline. */
export async function takeDown(
  ctx: MachineContext,
  recorded: OpenMachine,
  verb: 'stop' | 'kill',
): Promise<void> {
  const open = verb === 'stop' ? await awake(ctx, recorded) : recorded
  const method = requireVerb(open, verb)
  const killMs = open.driver.localState ? KILL_MS : REMOTE_KILL_MS
  await withDeadline(
    `${open.name} to ${verb}`,
    limitOf(open, verb, verb === 'stop' ? STOP_MS : killMs),
    (signal) => recordEvents(ctx, open.name, open.factory, method(open.machine, signal)),
    {
      signal: ctx.signal,
      graceMs: graceOf(open, 2_000),
      clock: ctx.clock,
      hints: verb === 'stop' ? [`tsmachine kill ${open.name}`, `tsmachine logs ${open.name} --boot`] : [],
    },
  )
  await noteState(ctx, open, 'Stopped')
}
