import { MachineError } from '../contracts/errors.js'
import type { MachineContext } from './context.js'
import { bootsImage } from './image.js'
import { openMachine, type OpenMachine } from './open.js'
import { requireProvisioned } from './start.js'
import { hostUpgrader } from './upgrade-host.js'
import { imageUpgrader } from './upgrade-image.js'
import type { UpgradeChoice, UpgradePlan, Upgrader, UpgradeResult } from './upgrade-steps.js'

/**
 * Moves a machine's engine to the newest version that its source has, and back when the new one does not answer. Where
 * nothing is newer, nothing is restarted.
 */
export async function upgradeMachine(
  ctx: MachineContext,
  name: string,
  choice: UpgradeChoice,
): Promise<UpgradeResult> {
  const lock = await ctx.store.lock(name, `upgrade ${name}`, { signal: ctx.signal })
  try {
    const open = await openUpgradable(ctx, name)
    return await upgraderOf(open).upgrade(ctx, open, choice)
  } finally {
    await lock.release()
  }
}

/** What `upgrade` would do, without doing it. */
export async function planUpgrade(
  ctx: MachineContext,
  name: string,
  choice: UpgradeChoice,
): Promise<UpgradePlan> {
  const open = await openUpgradable(ctx, name)
  return await upgraderOf(open).plan(ctx, open, choice)
}

async function openUpgradable(ctx: MachineContext, name: string): Promise<OpenMachine> {
  const open = await openMachine(ctx, name)
  if (!open.factory.capabilities.ssh)
    throw new MachineError(
      'driver',
      `"${name}" cannot be upgraded: the ${open.factory.name} driver knows only its engine's address`,
      { machine: name, hints: ['Upgrade the engine on its host.'] },
    )
  requireProvisioned(open)
  return open
}

/** An image is replaced from outside; any other engine is the host's business, which only the host knows. */
function upgraderOf(open: OpenMachine): Upgrader {
  return bootsImage(open) ? imageUpgrader : hostUpgrader
}
