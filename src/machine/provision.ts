import type { Plan } from '../contracts/provision.js'
import type { LedgerRecord } from '../contracts/record.js'
import { requireRunning } from './address.js'
import { openShell } from './connect.js'
import type { MachineContext } from './context.js'
import { CreateState } from './create-state.js'
import { stagesOf } from './create-stages.js'
import { syncDockerContext } from './docker-context.js'
import { rootedFacts } from './host-facts.js'
import { preparePlan } from './install.js'
import { openMachine, type OpenMachine } from './open.js'
import { settleUpgrade } from './pending-upgrade.js'
import { syncSshEntry } from './ssh-config.js'
import { runStage } from './stages.js'

const CONNECT_MS = 60_000

function provisionStages(open: OpenMachine) {
  return stagesOf(open).filter(({ stage }) => stage !== 'make' && stage !== 'boot')
}

/** Brings an existing machine to its recorded wishes again; what is right already is left alone. */
export async function provisionMachine(ctx: MachineContext, name: string, force = false): Promise<void> {
  const lock = await ctx.store.lock(name, `provision ${name}`, { signal: ctx.signal })
  try {
    await provisionLocked(ctx, name, force)
  } finally {
    await lock.release()
  }
}

async function provisionLocked(ctx: MachineContext, name: string, force: boolean): Promise<void> {
  const state = new CreateState(ctx, await openMachine(ctx, name), undefined)
  state.force = force
  try {
    requireRunning(state.open)
    for (const row of provisionStages(state.open)) await runStage(row, state)
    await state.besides()
    if (isMade(state.open.ledger)) await state.update((ledger) => finished(state.open, ledger))
    await settleUpgrade(ctx, state.open)
    await syncDockerContext(ctx, state.open)
    await syncSshEntry(ctx, state.open, false)
  } finally {
    state.close()
  }
}

/** A create that stopped after its machine was made has nothing left to do now. */
function isMade(ledger: LedgerRecord): boolean {
  return (ledger.phase === 'creating' || ledger.phase === 'failed') && ledger.stepsDone.includes('make')
}

function finished(open: OpenMachine, { failure: _failure, ...ledger }: LedgerRecord): LedgerRecord {
  const stepsDone = [...new Set([...ledger.stepsDone, ...provisionStages(open).map((row) => row.stage)])]
  return { ...ledger, phase: 'ready', stepsDone }
}

/** What `provision` would do, without doing it. */
export async function planMachine(ctx: MachineContext, name: string): Promise<Plan> {
  const open = await openMachine(ctx, name)
  requireRunning(open)
  const shell = await openShell(ctx, open, { deadlineMs: CONNECT_MS })
  try {
    const { facts } = await rootedFacts(ctx, open, shell, ctx.signal)
    return (await preparePlan(ctx, open, facts)).plan
  } finally {
    shell.close()
  }
}
