/** Making a machine for a host that provisions it itself: everything that `create` does until SSH answers. */
import type { DriverFactory } from '../contracts/driver.js'
import { STAGES } from '../contracts/events.js'
import { MachineError } from '../contracts/errors.js'
import type { LedgerRecord, MachineRecord } from '../contracts/record.js'
import type { PluginFlagValues } from '../drivers/plugin/wire/plugin-api.js'
import { settleAccess } from './access.js'
import { ensureAuthority, storeCertificates } from './certificates.js'
import type { MachineContext } from './context.js'
import { checkMachineNames, lockForCreate } from './create-names.js'
import { type CreatePlan, planCreate } from './create-plan.js'
import { newMachineId, newState, recordFailure } from './create.js'
import type { CreateState } from './create-state.js'
import { stagesOf } from './create-stages.js'
import { firstRecord } from './first-record.js'
import { withState } from './last-state.js'
import { servedPreflight } from './preflight.js'
import { givenFlags } from './serve-flags.js'
import { NO_OPTIONS, writeLedgerBeside } from './serve-record.js'
import { runStage, type StageDefinition } from './stages.js'

/** A machine that a host has chosen flags for; nothing of it is made yet. */
export interface PlannedMachine {
  readonly plan: CreatePlan
  readonly record: MachineRecord & { readonly ledger: LedgerRecord }
}

/** @throws MachineError `usage` with all faults of the flags, `preflight` for files that cannot be read */
export async function planServed(
  ctx: MachineContext,
  factory: DriverFactory,
  name: string,
  values: PluginFlagValues,
): Promise<PlannedMachine> {
  checkMachineNames([name])
  // The host provisions from wherever it runs, and tells nobody from where.
  const access = factory.capabilities.access ? { access: { openTo: ['any'] } } : {}
  const plan = await planCreate(ctx, {
    driver: factory.name,
    flagValues: givenFlags(factory.flags, values, ctx.env),
    options: { ...NO_OPTIONS, ...access },
  })
  const wanted = { name, options: plan.options, machineId: newMachineId() }
  const record = firstRecord(ctx, factory, plan.config, wanted)
  return { plan, record: { ...record, ledger: { ...record.ledger, served: true } } }
}

/**
 * What would fail later. After it given secrets are in the store's backend, and the state refers to them.
 * @throws MachineError `preflight`
 */
export async function checkServed(ctx: MachineContext, planned: PlannedMachine): Promise<PlannedMachine> {
  await servedPreflight(await stateOf(ctx, planned), planned.plan.given)
  return await withSecretsKept(planned)
}

async function withSecretsKept(planned: PlannedMachine): Promise<PlannedMachine> {
  const { references } = await planned.plan.kept()
  const { record } = planned
  return { ...planned, record: { ...record, ledger: { ...record.ledger, secrets: references } } }
}

async function stateOf(ctx: MachineContext, { plan, record }: PlannedMachine): Promise<CreateState> {
  return await newState(ctx, plan, record.name, record.ledger.machineId)
}

/** Makes it, and waits until SSH answers. What is made is in the record before the provider is asked for it. */
export async function createServed(ctx: MachineContext, chosen: PlannedMachine): Promise<void> {
  const { name } = chosen.record
  const lock = await lockForCreate(ctx, name)
  try {
    refuseOther(ctx, chosen)
    const planned = await withSecretsKept(chosen)
    const state = await stateOf(ctx, planned)
    const { factory } = state.open
    if (state.image) await ensureAuthority(ctx, storeCertificates(ctx), { next: [name] })
    await writeLedgerBeside(ctx, planned.record, factory.record, planned.plan.given)
    await state.refresh()
    await runStages(state)
  } finally {
    await lock.release()
  }
}

/** A machine of the name is there, and it is not the one that was planned. */
function refuseOther(ctx: MachineContext, { record }: PlannedMachine): void {
  const { ledger: known } = ctx.store.read(record.name)
  if (known === undefined || known.machineId === record.ledger.machineId) return
  const text = `Docker machine "${record.name}" already exists`
  throw new MachineError('exists', text, { machine: record.name })
}

const MAKING: ReadonlySet<string> = new Set(['make', 'boot', 'ssh', 'identity'])

/** In place of the stages after these, which are the host's. */
const OPENING: StageDefinition<CreateState> = {
  stage: 'provision',
  text: 'Opening the firewall',
  deadlineMs: 60_000,
  run: settleAccess,
  hints: () => [],
}

async function runStages(state: CreateState): Promise<void> {
  try {
    const rows = stagesOf(state.open).filter(({ stage }) => MAKING.has(stage))
    for (const row of state.open.factory.capabilities.access ? [...rows, OPENING] : rows)
      await runStage(row, state)
    await state.besides()
    // As any machine that docker-machine has made: provisioned by it, and complete.
    await state.update((ledger) =>
      withState(state.ctx, state.open, { ...ledger, phase: 'ready', stepsDone: STAGES }, 'Running'),
    )
  } catch (error) {
    await recordFailure(state, error)
    throw error
  } finally {
    state.close()
  }
}
