import { randomBytes } from 'node:crypto'
import { MachineError, toMachineError } from '../contracts/errors.js'
import type { RecordContent } from '../store/record-files.js'
import { withDriverState } from '../store/records.js'
import { ensureAuthority, storeCertificates } from './certificates.js'
import type { MachineContext } from './context.js'
import { checkMachineNames, lockForCreate, refuseNames, refuseTaken } from './create-names.js'
import { type CreateChoices, type CreatePlan, planCreate } from './create-plan.js'
import { CreateState } from './create-state.js'
import { openStages } from './create-stages.js'
import { updateLedger } from './driver-events.js'
import { engineTunnelOf, throughTunnel } from './engine-port.js'
import { firstRecord } from './first-record.js'
import { syncDockerContext } from './docker-context.js'
import { machineImage } from './image.js'
import { withState } from './last-state.js'
import { eachOfMany } from './many.js'
import { driverMachine, openMachine, type OpenMachine } from './open.js'
import { machineSpec } from './make.js'
import { preflight } from './preflight.js'
import { syncSshEntry } from './ssh-config.js'
import { runStage } from './stages.js'

/** One machine that the user asked for. */
export interface CreateRequest extends CreateChoices {
  readonly name: string
}

export interface CreateResult {
  readonly name: string
  readonly dockerContext?: string
}

/**
 * Makes a machine. A failed create keeps its record: `resumeCreate` carries on, `removeMachine` removes everything.
 * @throws MachineError with stage, evidence and next command; `preflight` (exit 3) leaves nothing behind
 */
export async function createMachine(ctx: MachineContext, request: CreateRequest): Promise<CreateResult> {
  checkMachineNames([request.name])
  const plan = await planCreate(ctx, request)
  refuseNames(ctx, [request.name])
  return await createPlanned(ctx, plan, request.name)
}

/** Several machines of one kind. */
export interface CreateManyRequest extends CreateChoices {
  readonly names: readonly string[]
  /** How many are made at the same time. */
  readonly parallel: number
}

/**
 * Makes machines side by side; one that fails does not stop the others.
 * @throws MachineError as `withMachines`, after all have come to their end; before any is made for a name that cannot be
 */
export async function createMachines(
  ctx: MachineContext,
  request: CreateManyRequest,
): Promise<readonly CreateResult[]> {
  checkMachineNames(request.names)
  const plan = await planCreate(ctx, request)
  refuseNames(ctx, request.names)
  return await eachOfMany(ctx, request, (name) => createPlanned(ctx, plan, name))
}

async function createPlanned(ctx: MachineContext, plan: CreatePlan, name: string): Promise<CreateResult> {
  const lock = await lockForCreate(ctx, name)
  try {
    refuseTaken(ctx, name)
    await ensureAuthority(ctx, storeCertificates(ctx), { next: [name] })
    const state = await newState(ctx, plan, name)
    await preflight(state, plan.given)
    await ctx.store.create(name, await firstContent(state, plan), plan.given)
    return await carryOn(state)
  } finally {
    await lock.release()
  }
}

/** Carries on with a create that failed or was interrupted, from the first stage that is not done. */
export async function resumeCreate(ctx: MachineContext, name: string): Promise<CreateResult> {
  const lock = await ctx.store.lock(name, `create ${name}`, { waitMs: 0, signal: ctx.signal })
  try {
    const open = await openMachine(ctx, name)
    refuseComplete(open)
    const image = await machineImage(ctx, open)
    return await carryOn(new CreateState(ctx, open, image))
  } finally {
    await lock.release()
  }
}

/** The same for several, side by side. */
export async function resumeCreates(
  ctx: MachineContext,
  request: Pick<CreateManyRequest, 'names' | 'parallel'>,
): Promise<readonly CreateResult[]> {
  return await eachOfMany(ctx, request, (name) => resumeCreate(ctx, name))
}

/** Only what a create has left unfinished can be carried on with. */
function refuseComplete({ name, record, ledger }: OpenMachine): void {
  if (ledger.phase === 'removing')
    throw new MachineError('exists', `Docker machine "${name}" is half removed`, {
      machine: name,
      hints: [`tsmachine rm ${name}`],
    })
  if (record.ledger !== undefined && ledger.phase !== 'ready') return
  throw new MachineError('exists', `Docker machine "${name}" already exists and is complete`, {
    machine: name,
    hints: [`tsmachine start ${name}`, `tsmachine provision ${name}`],
  })
}

/** Both files of the new machine: its driver's fields with what is kept in them, or the state that an `unread` driver gives. */
async function firstContent(state: CreateState, plan: CreatePlan): Promise<RecordContent> {
  const { ledger, record, driver } = state.open
  const given = await driver.firstState?.(await machineSpec(state), state.ctx.signal)
  if (given !== undefined) return { ledger, config: withDriverState(record.config, given), state: given }
  const { references, fields } = await plan.kept()
  const config = { ...record.config, Driver: { ...record.config.Driver, ...fields } }
  return { ledger: { ...ledger, secrets: references }, config }
}

/** What the stages of a new machine work on; nothing is recorded yet. */
export async function newState(
  ctx: MachineContext,
  plan: CreatePlan,
  name: string,
  machineId = newMachineId(),
): Promise<CreateState> {
  const { factory, driver, secrets, options } = plan
  const first = firstRecord(ctx, factory, plan.config, { name, options, machineId })
  const ledger = { ...first.ledger, ...(await engineTunnelOf(ctx, name, first.ledger)) }
  const record = { ...first, ledger }
  const recorded = await driverMachine(ctx, record, { ledger, secrets })
  // What was chosen for an `unread` driver is in no record: it makes its first state of it.
  const machine = ledger.driver.unread ? { ...recorded, config: plan.config } : recorded
  const open = { name, record, ledger, factory, ...throughTunnel(driver, ledger), machine, secrets }
  return new CreateState(ctx, open, await machineImage(ctx, open))
}

/** Names a machine for good: what is made for it bears it as a tag. */
export function newMachineId(): string {
  return randomBytes(16).toString('hex')
}

async function carryOn(state: CreateState): Promise<CreateResult> {
  const { ctx, name } = state
  try {
    await state.update(({ failure: _failure, ...ledger }) => ({ ...ledger, phase: 'creating' }))
    for (const row of openStages(state)) {
      await runStage(row, state)
      await state.update((ledger) => ({
        ...ledger,
        stepsDone: [...new Set([...ledger.stepsDone, row.stage])],
      }))
    }
    await state.besides()
    await state.update((ledger) => withState(ctx, state.open, { ...ledger, phase: 'ready' }, 'Running'))
  } catch (error) {
    await recordFailure(state, error)
    throw error
  } finally {
    state.close()
  }
  const dockerContext = await syncDockerContext(ctx, state.open)
  await syncSshEntry(ctx, state.open, true)
  return { name, ...(dockerContext ? { dockerContext } : {}) }
}

/** Writes down where a create stopped, and why. */
export async function recordFailure(state: CreateState, error: unknown): Promise<void> {
  const failure = toMachineError(error)
  const at = state.ctx.clock.now().toISOString()
  await updateLedger(state.ctx, state.name, state.open.factory, (ledger) => ({
    ...ledger,
    phase: 'failed',
    failure: { stage: failure.stage ?? '', code: failure.code, message: failure.message, at },
  })).catch(() => undefined)
}
