import { isMachineError, MachineError, messageOf } from '../contracts/errors.js'
import type { EngineSource } from '../contracts/record.js'
import type { MachineContext } from './context.js'
import { updateLedger } from './driver-events.js'
import { openMachine, type OpenMachine, requireVerb } from './open.js'
import { bringUp } from './start.js'
import { powerState } from './state.js'
import { askEngine } from './verify.js'

/** What an upgrade did to one machine. Versions are those of the boot image, the bundle or the package. */
export interface UpgradeResult {
  readonly machine: string
  readonly source: EngineSource
  readonly from: string
  readonly to: string
  readonly changed: boolean
}

/** What `--dry-run` says of one machine. */
export interface UpgradePlan extends UpgradeResult {
  /** What would be done on the host; empty where nothing is. */
  readonly plan: string
}

export interface UpgradeChoice {
  /** Restart an engine although it is in a swarm. */
  readonly force: boolean
}

/** How one source of an engine is moved to its newest version. */
export interface Upgrader {
  upgrade(ctx: MachineContext, open: OpenMachine, choice: UpgradeChoice): Promise<UpgradeResult>
  plan(ctx: MachineContext, open: OpenMachine, choice: UpgradeChoice): Promise<UpgradePlan>
}

/** docker-machine upgrades running machines only, and starts the others. */
export async function ensureStarted(ctx: MachineContext, open: OpenMachine): Promise<OpenMachine> {
  if ((await powerState(open, ctx.signal)) === 'Running') return open
  requireVerb(open, 'start')
  say(ctx, open, STARTING)
  await bringUp(ctx, open)
  return await openMachine(ctx, open.name)
}

export const STARTING = 'Starting machine so machine can be upgraded...'

/** One line of the story, in docker-machine's words. */
export function say(ctx: MachineContext, { name }: OpenMachine, text: string): void {
  ctx.report({ type: 'info', machine: name, text })
}

/** What the engine says of itself goes into the record. @throws EngineProbeError when it does not answer */
export async function recordEngineVersion(ctx: MachineContext, name: string): Promise<void> {
  const open = await openMachine(ctx, name)
  const { version } = await askEngine(open, ctx.signal)
  await updateLedger(ctx, name, open.factory, (ledger) => ({
    ...ledger,
    ...(ledger.engine ? { engine: { ...ledger.engine, version } } : {}),
  }))
}

/** The new engine did not answer, and the one before it runs again. */
export function takenBack(open: OpenMachine, from: string, to: string, cause: unknown): MachineError {
  const { code, stage, evidence } = known(cause)
  return new MachineError(
    code,
    `The upgrade of "${open.name}" to ${to} failed, and ${from} runs again: ${messageOf(cause)}`,
    {
      machine: open.name,
      cause,
      hints: [`tsmachine logs ${open.name} --engine`],
      ...(stage === undefined ? {} : { stage }),
      ...(evidence === undefined ? {} : { evidence }),
    },
  )
}

/** Neither runs: the record still says what ran before. */
export function stuck(
  open: OpenMachine,
  from: string,
  to: string,
  first: unknown,
  second: unknown,
): MachineError {
  const { code, stage, evidence } = known(first)
  const back = from === '' ? '' : `, and neither could ${from} be brought back (${messageOf(second)})`
  return new MachineError(code, `The upgrade of "${open.name}" to ${to} failed: ${messageOf(first)}${back}`, {
    machine: open.name,
    cause: first,
    hints: [`Try again: tsmachine upgrade ${open.name}`, `tsmachine logs ${open.name} --boot`],
    ...(stage === undefined ? {} : { stage }),
    ...(evidence === undefined ? {} : { evidence }),
  })
}

function known(error: unknown): MachineError {
  return isMachineError(error) ? error : new MachineError('engine', messageOf(error))
}
