import { randomBytes } from 'node:crypto'
import { checkChoices } from '../../provision/plan.js'
import type { DriverFactory, FlagValues } from '../contracts/driver.js'
import { isMachineError, MachineError, toMachineError } from '../contracts/errors.js'
import type { JsonObject } from '../contracts/json.js'
import type { MachineOptions } from '../contracts/record.js'
import { describeHolder, type Lock } from '../util/locks.js'
import { withAccessChoice } from './access.js'
import { ensureAuthority, storeCertificates } from './certificates.js'
import type { MachineContext } from './context.js'
import { CreateState } from './create-state.js'
import { openStages } from './create-stages.js'
import { updateLedger } from './driver-events.js'
import { firstRecord } from './first-record.js'
import { syncDockerContext } from './docker-context.js'
import { machineImage } from './image.js'
import { runningCreate } from './interrupt.js'
import { checkMachineName } from './machine-name.js'
import { driverMachine, openMachine, type OpenMachine } from './open.js'
import { preflight } from './preflight.js'
import { keepSecrets, resolveGiven, type SecretValues, splitSecrets } from './secrets.js'
import { syncSshEntry } from './ssh-config.js'
import { runStage } from './stages.js'

/** What the user asked for. */
export interface CreateRequest {
  readonly name: string
  readonly driver: string
  /** Driver flags, merged with environment and defaults. */
  readonly flagValues: FlagValues
  readonly options: MachineOptions
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
  checkMachineName(request.name)
  const factory = await ctx.drivers.load(request.driver)
  const { flagValues, references } = await resolveGiven(ctx, factory, request.flagValues)
  const { config, values } = splitSecrets(factory, parseConfig(factory, flagValues))
  checkChoices(request.options.engine)
  const options = withAccessChoice(ctx, request.name, factory, request.options)
  refuseRunning(ctx, request.name)
  refuseTaken(ctx, request.name)
  const lock = await lockForCreate(ctx, request.name)
  try {
    refuseTaken(ctx, request.name)
    await ensureAuthority(ctx, storeCertificates(ctx))
    const state = await newState(ctx, factory, config, { ...request, options, secrets: values })
    await preflight(state)
    const secrets = await keepSecrets(ctx, factory, { values, references })
    const { ledger, record } = state.open
    await ctx.store.create(request.name, { ledger: { ...ledger, secrets }, config: record.config })
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

function parseConfig(factory: DriverFactory, values: FlagValues): JsonObject {
  const parsed = factory.parse(values)
  if (parsed.ok) return parsed.config
  throw new MachineError(
    'usage',
    `Error setting machine configuration from flags provided: ${parsed.faults.join('; ')}`,
    {
      hints: [`tsmachine create --driver ${factory.name} --help`],
    },
  )
}

/** @throws MachineError `exists`, with the way on when its create never finished */
export function refuseTaken(ctx: MachineContext, name: string): void {
  if (!ctx.store.exists(name)) return
  const record = ctx.store.read(name)
  const phase = record.ledger?.phase
  const unfinished = !('error' in record) && (phase === 'creating' || phase === 'failed')
  throw new MachineError('exists', `Docker machine "${name}" already exists`, {
    machine: name,
    hints: unfinished
      ? [`Its create did not finish: tsmachine create ${name} --resume`, `or remove it: tsmachine rm ${name}`]
      : [`tsmachine rm ${name}`, 'or choose another name'],
  })
}

/** Its record looks unfinished as well, but there is nothing to resume. */
function refuseRunning(ctx: MachineContext, name: string): void {
  const holder = runningCreate(ctx, name)
  if (!holder) return
  throw new MachineError('exists', `Docker machine "${name}" already exists: ${describeHolder(holder)}`, {
    machine: name,
    hints: ['Wait for the other command to end.'],
  })
}

async function lockForCreate(ctx: MachineContext, name: string): Promise<Lock> {
  try {
    return await ctx.store.lock(name, `create ${name}`, { waitMs: 0, signal: ctx.signal })
  } catch (error) {
    if (!isMachineError(error) || error.code !== 'locked') throw error
    throw new MachineError('exists', `Docker machine "${name}" already exists: ${error.message}`, {
      machine: name,
      hints: ['Wait for the other command to end.'],
      cause: error,
    })
  }
}

async function newState(
  ctx: MachineContext,
  factory: DriverFactory,
  config: JsonObject,
  request: CreateRequest & { readonly secrets: SecretValues },
): Promise<CreateState> {
  const machineId = randomBytes(16).toString('hex')
  const record = firstRecord(ctx, factory, config, { ...request, machineId })
  const driver = await factory.open(ctx.driverDeps)
  const { secrets } = request
  const machine = await driverMachine(ctx, record, { ledger: record.ledger, secrets })
  const open = { name: request.name, record, ledger: record.ledger, factory, driver, machine, secrets }
  return new CreateState(ctx, open, await machineImage(ctx, open))
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
    await state.update((ledger) => ({ ...ledger, phase: 'ready' }))
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

async function recordFailure(state: CreateState, error: unknown): Promise<void> {
  const failure = toMachineError(error)
  const at = state.ctx.clock.now().toISOString()
  await updateLedger(state.ctx, state.name, state.open.factory, (ledger) => ({
    ...ledger,
    phase: 'failed',
    failure: { stage: failure.stage ?? '', code: failure.code, message: failure.message, at },
  })).catch(() => undefined)
}
