import type { Stage } from '../contracts/events.js'
import { settleAccess } from './access.js'
import { waitForBoot } from './boot.js'
import type { CreateState } from './create-state.js'
import { identify } from './identify.js'
import { install } from './install.js'
import { limitOf } from './limits.js'
import { logIn } from './login.js'
import { make } from './make.js'
import type { OpenMachine } from './open.js'
import { requireShell } from './require-shell.js'
import type { StageDefinition } from './stages.js'
import { setUpSwarm } from './swarm-setup.js'
import { explainSilence, explainStage, explainTimeout } from './engine-trouble.js'
import { verifyTls, waitForEngine } from './verify.js'

const MINUTE = 60_000
const MAKE_MS = 10 * MINUTE
const ENGINE_MS = 90_000

/** How to go on: a machine that is complete is provisioned again, one that never was is resumed. */
const resume = (state: CreateState): string =>
  state.open.ledger.phase === 'ready'
    ? `tsmachine provision ${state.name}`
    : `tsmachine create ${state.name} --resume`
const remove = (state: CreateState): string => `tsmachine rm ${state.name}`
/** What the engine refuses stays refused. */
const otherChoices = (state: CreateState): readonly string[] =>
  state.open.ledger.phase === 'ready' ? [] : [`${remove(state)}    (then create it again with other options)`]
/** Not every provider shows a console. */
const bootLog = ({ name, open }: CreateState): readonly string[] =>
  open.driver.console ? [`tsmachine logs ${name} --boot`] : []
const engineLog = (state: CreateState): string => `tsmachine logs ${state.name} --engine`
const consoleTail = (state: CreateState): string | undefined => state.console?.tail()

/** What `create` does after preflight, in order. Each row can be run again: a resumed create starts at the first open one. */
export const CREATE_STAGES: readonly StageDefinition<CreateState>[] = [
  {
    stage: 'make',
    text: 'Creating machine',
    deadlineMs: MAKE_MS,
    limitMs: ({ open }) => limitOf(open, 'make', MAKE_MS),
    run: make,
    hints: (state) => [resume(state), remove(state)],
  },
  {
    stage: 'boot',
    text: 'Waiting for machine to boot',
    deadlineMs: 5 * MINUTE,
    run: (state, signal) => waitForBoot(state.ctx, state.open, state.watchConsole(), signal),
    explain: explainTimeout,
    evidence: consoleTail,
    hints: (state) => [...bootLog(state), resume(state), remove(state)],
  },
  {
    stage: 'ssh',
    text: 'Connecting over SSH',
    // Longer than its own wait, whose last observation (banner, refusal) is the better text.
    deadlineMs: 2 * MINUTE,
    run: logIn,
    evidence: consoleTail,
    explain: explainSilence,
    hints: (state) => [resume(state), ...bootLog(state)],
  },
  {
    stage: 'identity',
    text: 'Settling the host key',
    // cloud-init is waited for, and a password may be asked for.
    deadlineMs: 10 * MINUTE,
    run: identify,
    hints: (state) => [resume(state)],
  },
  {
    stage: 'provision',
    text: 'Provisioning the engine',
    deadlineMs: 10 * MINUTE,
    run: provision,
    explain: explainStage,
    evidence: (state) => state.progress,
    hints: (state) => [resume(state), `tsmachine ssh ${state.name}`, ...otherChoices(state)],
  },
  {
    stage: 'engine',
    text: 'Waiting for the engine',
    deadlineMs: 2 * ENGINE_MS,
    run: async (state, signal) => {
      const { ctx, open, console, patience } = state
      state.answer = await waitForEngine(ctx, open, ENGINE_MS * patience, signal, console)
    },
    explain: explainStage,
    hints: (state) => [engineLog(state), resume(state), ...otherChoices(state)],
  },
  {
    stage: 'swarm',
    text: 'Configuring swarm',
    // Its image may have to come from far.
    deadlineMs: 10 * MINUTE,
    run: setUpSwarm,
    hints: (state) => [resume(state), ...otherChoices(state)],
  },
  {
    stage: 'tls',
    text: 'Checking the TLS connection',
    deadlineMs: MINUTE,
    run: verifyTls,
    explain: explainStage,
    hints: (state) => [resume(state), engineLog(state)],
  },
]

async function provision(state: CreateState, signal: AbortSignal): Promise<void> {
  await settleAccess(state, signal)
  const plan = await install(state.noting(), state.open, requireShell(state), {
    ...(state.facts ? { facts: state.facts } : {}),
    ...(state.standby ? { standby: state.standby } : {}),
    ...(state.force ? { choice: { force: true } } : {}),
    signal,
  })
  await state.update((ledger) => ({ ...ledger, engine: plan.engine }))
}

/** Stages that a machine without SSH has. */
const WITHOUT_SSH: ReadonlySet<Stage> = new Set(['make'])
/** Stages that hold nothing in the record: a resumed create runs them again when a later one needs them. */
const TRANSIENT: ReadonlySet<Stage> = new Set(['boot', 'ssh'])

/** The stages of this machine: few without SSH, and one more in a classic swarm. */
export function stagesOf({ factory, ledger }: OpenMachine): readonly StageDefinition<CreateState>[] {
  const { swarm } = ledger.options
  const inSwarm = swarm !== undefined && (swarm.agent || swarm.master)
  return CREATE_STAGES.filter(
    ({ stage }) => (factory.capabilities.ssh || WITHOUT_SSH.has(stage)) && (stage !== 'swarm' || inSwarm),
  )
}

/** The stages still to run for this machine. */
export function openStages(state: CreateState): readonly StageDefinition<CreateState>[] {
  const done = new Set(state.open.ledger.stepsDone)
  const all = stagesOf(state.open)
  if (all.every((row) => done.has(row.stage))) return []
  // `make` checks that what it made still runs, so it is always worth running again.
  return all.filter((row) => row.stage === 'make' || TRANSIENT.has(row.stage) || !done.has(row.stage))
}
