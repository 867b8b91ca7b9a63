import type { BootImageFiles } from '../contracts/driver.js'
import type { ImageReference } from '../contracts/record.js'
import type { MachineContext } from './context.js'
import { updateLedger } from './driver-events.js'
import { reference } from './image.js'
import { openMachine, type OpenMachine } from './open.js'
import { announceUpgrade } from './pending-upgrade.js'
import { bringUp } from './start.js'
import { powerState } from './state.js'
import { takeDown } from './stop.js'
import {
  ensureStarted,
  recordEngineVersion,
  say,
  STARTING,
  stuck,
  takenBack,
  type UpgradePlan,
  type Upgrader,
  type UpgradeResult,
} from './upgrade-steps.js'

/** Kernel, initramfs and engine are replaced by those of the image that new machines get; the data disk stays. */
export const imageUpgrader: Upgrader = { upgrade, plan }

interface Move {
  /** Unknown for a machine that never recorded its image. */
  readonly before: ImageReference | undefined
  readonly target: BootImageFiles
  readonly result: UpgradeResult
}

async function moveOf(ctx: MachineContext, open: OpenMachine): Promise<Move> {
  const { upgrade: cut, image, engine } = open.ledger
  const before = cut ? cut.image : image
  const target = await ctx.artefacts.bootImage('amd64', ctx.signal)
  const from = before?.version ?? engine?.version ?? ''
  const changed = cut !== undefined || before?.digest !== target.digest
  return {
    before,
    target,
    result: { machine: open.name, source: 'image', from, to: target.version, changed },
  }
}

async function upgrade(ctx: MachineContext, open: OpenMachine): Promise<UpgradeResult> {
  const move = await moveOf(ctx, open)
  if (!move.result.changed) {
    await ensureStarted(ctx, open)
    return move.result
  }
  const isOff = (await powerState(open, ctx.signal)) === 'Stopped'
  if (isOff) say(ctx, open, STARTING)
  say(ctx, open, 'Upgrading docker...')
  const { from, to } = move.result
  await announceUpgrade(ctx, open, {
    source: 'image',
    from,
    to,
    ...(move.before ? { image: move.before } : {}),
  })
  if (!isOff) await takeDown(ctx, open, 'stop')
  say(ctx, open, 'Restarting docker...')
  try {
    await startFrom(ctx, open.name, reference(move.target))
    await recordEngineVersion(ctx, open.name)
  } catch (error) {
    // Interrupted: the record has it, and `upgrade` carries on.
    ctx.signal.throwIfAborted()
    throw await goBack(ctx, open, move, error)
  }
  return move.result
}

async function startFrom(ctx: MachineContext, name: string, image: ImageReference): Promise<void> {
  const open = await openMachine(ctx, name)
  await updateLedger(ctx, name, open.factory, (ledger) => ({ ...ledger, image }))
  await bringUp(ctx, await openMachine(ctx, name))
}

/** @returns the error to end with */
async function goBack(ctx: MachineContext, open: OpenMachine, { before, result }: Move, error: unknown) {
  const { from, to } = result
  if (!before) return stuck(open, '', to, error, undefined)
  ctx.report({ type: 'warn', machine: open.name, text: `${to} does not run: going back to ${from}` })
  try {
    const now = await openMachine(ctx, open.name)
    if ((await powerState(now, ctx.signal)) !== 'Stopped') await takeDown(ctx, now, 'kill')
    await startFrom(ctx, open.name, before)
    return takenBack(open, from, to, error)
  } catch (second) {
    ctx.signal.throwIfAborted()
    return stuck(open, from, to, error, second)
  }
}

async function plan(ctx: MachineContext, open: OpenMachine): Promise<UpgradePlan> {
  const { result } = await moveOf(ctx, open)
  const text = `Stop the machine, start it from the boot image ${result.to}; its data disk stays as it is.\n`
  return { ...result, plan: result.changed ? text : '' }
}
