import { MachineError } from '../contracts/errors.js'
import type { MachineState } from '../contracts/state.js'
import type { Stage } from '../contracts/events.js'
import { askEngine, isCertificateFault, startFollowers, waitForEngine } from './verify.js'
import { finishAccess } from './access.js'
import { waitForBoot } from './boot.js'
import { serverSans } from './certificates.js'
import type { MachineContext } from './context.js'
import { CreateState } from './create-state.js'
import { syncDockerContext } from './docker-context.js'
import { recordEvents, updateLedger } from './driver-events.js'
import { explainStage, explainTimeout } from './engine-trouble.js'
import { labelHostKey } from './host-key-label.js'
import { machineImage, pinImage } from './image.js'
import { noteState } from './last-state.js'
import { limitOf } from './limits.js'
import { type OpenMachine, openMachine, requireVerb } from './open.js'
import { settleUpgrade } from './pending-upgrade.js'
import { renewCertificates } from './renew.js'
import { certificatesAreDue } from './due.js'
import { syncSshEntry } from './ssh-config.js'
import { runStage, type StageDefinition } from './stages.js'
import { machineReport, movedTo, powerState } from './state.js'
import { takeDown } from './stop.js'

const MINUTE = 60_000
const START_MS = 2 * MINUTE
const ENGINE_MS = 90_000

export interface StartOptions {
  /** Without the memory of a suspended machine. */
  readonly cold?: boolean
}

/** Starts a stopped or suspended machine and waits until its engine answers. @throws MachineError when it runs already */
export async function startMachine(
  ctx: MachineContext,
  name: string,
  options: StartOptions = {},
): Promise<void> {
  const lock = await ctx.store.lock(name, `start ${name}`, { signal: ctx.signal })
  try {
    const open = await openMachine(ctx, name)
    requireProvisioned(open)
    const report = await machineReport(open, ctx.signal)
    const state = report?.state ?? ''
    if (movedTo(open, report) === undefined && !wasCut(open, state)) refuseRunning(open, state, report?.error)
    if (state !== 'Saved' || !options.cold) return await bringUp(ctx, open)
    await takeDown(ctx, open, 'kill')
    await bringUp(ctx, await openMachine(ctx, name))
  } finally {
    await lock.release()
  }
}

/** Its VM runs, perhaps, but whoever started it did not come to the end: kill -9, a deadline, Ctrl-C. */
function wasCut({ ledger }: OpenMachine, state: MachineState): boolean {
  return state === 'Running' && ledger.starting === true
}

function refuseRunning({ name, factory }: OpenMachine, state: MachineState, reason?: string): void {
  if (state === 'Running')
    throw new MachineError('driver', `Machine "${name}" is already running.`, {
      machine: name,
      hints: factory.capabilities.ssh ? [`If its engine does not answer: tsmachine provision ${name}`] : [],
    })
  // Its plugin knows better: some resume a paused machine by Start.
  if (factory.capabilities.opaque) return
  const standsStill = state === 'Paused' && !factory.capabilities.suspend
  if (state !== 'Error' && !standsStill) return
  const why = reason === undefined ? '' : ` (${reason})`
  throw new MachineError('driver', `Machine "${name}" has power already, but its state is ${state}${why}.`, {
    machine: name,
    hints: [`tsmachine logs ${name} --boot`, `Cut its power, then start it: tsmachine kill ${name}`],
  })
}

/** A machine whose create never finished is finished by `create --resume`, which also knows what is missing. */
export function requireProvisioned(open: OpenMachine): void {
  if (!open.record.ledger || open.ledger.phase === 'ready') return
  if (open.ledger.phase === 'removing')
    throw new MachineError('driver', `"${open.name}" is half removed`, {
      machine: open.name,
      hints: [`tsmachine rm ${open.name}`],
    })
  throw new MachineError(
    'driver',
    `The create of "${open.name}" did not finish (stopped at ${open.ledger.failure?.stage || 'an early stage'})`,
    {
      machine: open.name,
      hints: [`tsmachine create ${open.name} --resume`, `tsmachine rm ${open.name}`],
    },
  )
}

/** Boots a machine that is not running: the second half of `start` and `restart`. */
export async function bringUp(
  ctx: MachineContext,
  open: OpenMachine,
  verb: 'start' | 'restart' = 'start',
): Promise<void> {
  const image = await machineImage(ctx, open)
  if (image) await pinImage(ctx, open, image)
  await updateLedger(ctx, open.name, open.factory, (ledger) => ({ ...ledger, starting: true }))
  const state = new CreateState(ctx, open, image)
  try {
    await finishAccess(state, ctx.signal)
    labelHostKey(state)
    for (const row of await stagesFor(open, verb, ctx.signal)) await runStage(row, state)
    await state.besides()
    await settleUpgrade(ctx, open)
    await noteState(ctx, open, 'Running')
  } finally {
    state.close()
  }
  await syncDockerContext(ctx, state.open)
  await syncSshEntry(ctx, state.open, false)
  await updateLedger(ctx, open.name, open.factory, ({ starting: _over, ...ledger }) => ledger)
}

/** A guest that was suspended has booted long ago. */
async function stagesFor(
  open: OpenMachine,
  verb: 'start' | 'restart',
  signal: AbortSignal,
): Promise<typeof START_STAGES> {
  const stages = stagesOf(open, verb)
  const sleeps = open.factory.capabilities.suspend && SLEEPING.has(await powerState(open, signal))
  return sleeps ? stages.filter(({ stage }) => stage !== 'boot') : stages
}

/** A machine that is only a URL has neither sshd nor certificates of ours. */
function stagesOf({ factory }: OpenMachine, verb: 'start' | 'restart'): typeof START_STAGES {
  const first = verb === 'start' ? START : RESTART
  return factory.capabilities.ssh ? [first, ...UP_STAGES] : [first]
}

const SLEEPING: ReadonlySet<MachineState> = new Set(['Saved', 'Paused', 'Running'])

/** Renews what is due, and what the engine or we refuse for another reason. */
async function proveCertificates({ ctx, open, answer }: CreateState, signal: AbortSignal): Promise<void> {
  if (!(await certificatesAreDue(ctx, open, serverSans(open)))) {
    // It has just answered over TLS.
    if (answer) return
    try {
      await askEngine(open, signal)
      return
    } catch (error) {
      if (!isCertificateFault(error)) throw error
    }
  }
  await renewCertificates(ctx, open, {}, signal)
  await askEngine(open, signal)
}

function logs(state: CreateState): readonly string[] {
  const boot = state.open.driver.console ? [`tsmachine logs ${state.name} --boot`] : []
  return [...boot, `tsmachine logs ${state.name} --engine`]
}

type StartStage = StageDefinition<CreateState> & { readonly stage: Stage }

const START: StartStage = {
  stage: 'make',
  text: 'Starting machine',
  deadlineMs: START_MS,
  limitMs: ({ open }) => limitOf(open, 'start', START_MS),
  run: async (state, signal) => {
    const { open, ctx } = state
    const start = requireVerb(open, 'start')
    await recordEvents(ctx, open.name, open.factory, start(open.machine, state.image, signal))
    await state.refresh()
  },
  hints: logs,
}

const RESTART: StartStage = {
  ...START,
  text: 'Restarting machine',
  run: async (state, signal) => {
    const { open, ctx } = state
    const restart = requireVerb(open, 'restart')
    await recordEvents(ctx, open.name, open.factory, restart(open.machine, signal))
    await state.refresh()
  },
}

/** What follows once it has power, in order. */
const UP_STAGES: readonly StartStage[] = [
  {
    stage: 'boot',
    text: 'Waiting for machine to boot',
    deadlineMs: 5 * MINUTE,
    run: (state, signal) => waitForBoot(state.ctx, state.open, state.watchConsole(), signal),
    explain: explainTimeout,
    evidence: (state) => state.console?.tail(),
    hints: logs,
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
    evidence: (state) => state.console?.tail(),
    hints: logs,
  },
  {
    stage: 'tls',
    text: 'Checking the TLS connection',
    deadlineMs: 3 * MINUTE,
    run: async (state, signal) => {
      await proveCertificates(state, signal)
      await startFollowers(state.ctx, state.open, signal)
    },
    explain: explainStage,
    hints: (state) => [`tsmachine provision ${state.name}`],
  },
]

/** What `start` does, in order. */
export const START_STAGES: readonly StartStage[] = [START, ...UP_STAGES]
