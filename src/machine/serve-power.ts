/** Power verbs of a machine whose driver is served: what the engine needs is the host's affair where it provisioned it. */
import type { MachineContext } from './context.js'
import { finishAccess } from './access.js'
import { CreateState } from './create-state.js'
import { labelHostKey } from './host-key-label.js'
import { machineImage, pinImage } from './image.js'
import { noteState } from './last-state.js'
import { openMachine, type OpenMachine, requireVerb } from './open.js'
import { restartMachine } from './restart.js'
import { runStage } from './stages.js'
import { bringUp, requireProvisioned, START_STAGES } from './start.js'
import { powerState } from './state.js'
import { takeDown } from './stop.js'

/** Starts a machine that does not run; one that runs is left as it is. */
export async function startServed(ctx: MachineContext, name: string): Promise<void> {
  await locked(ctx, `start ${name}`, name, async (open) => {
    requireVerb(open, 'start')
    requireProvisioned(open)
    if ((await powerState(open, ctx.signal)) !== 'Running') await powerOn(ctx, open)
  })
}

export async function stopServed(ctx: MachineContext, name: string, verb: 'stop' | 'kill'): Promise<void> {
  await locked(ctx, `${verb} ${name}`, name, async (open) => {
    if ((await powerState(open, ctx.signal)) !== 'Stopped') await takeDown(ctx, open, verb)
  })
}

/** A host without power control reboots itself. */
export async function restartServed(ctx: MachineContext, name: string): Promise<void> {
  const { factory } = await openMachine(ctx, name)
  if (!factory.capabilities.power) return await restartMachine(ctx, name)
  await stopServed(ctx, name, 'stop')
  await startServed(ctx, name)
}

async function locked(
  ctx: MachineContext,
  what: string,
  name: string,
  work: (open: OpenMachine) => Promise<void>,
): Promise<void> {
  const lock = await ctx.store.lock(name, what, { signal: ctx.signal })
  try {
    await work(await openMachine(ctx, name))
  } finally {
    await lock.release()
  }
}

/** A machine that is only a URL has no sshd that could be waited for. */
function stagesOf({ factory }: OpenMachine): typeof START_STAGES {
  return START_STAGES.filter(
    ({ stage }) => stage === 'make' || (stage === 'boot' && factory.capabilities.ssh),
  )
}

async function powerOn(ctx: MachineContext, open: OpenMachine): Promise<void> {
  // Its engine is of our making: it is waited for, and its certificates are looked after.
  if (open.ledger.engine) return await bringUp(ctx, open)
  const image = await machineImage(ctx, open)
  if (image) await pinImage(ctx, open, image)
  const state = new CreateState(ctx, open, image)
  try {
    await finishAccess(state, ctx.signal)
    labelHostKey(state)
    for (const row of stagesOf(open)) await runStage(row, state)
    await state.besides()
    await noteState(ctx, open, 'Running')
  } finally {
    state.close()
  }
}
