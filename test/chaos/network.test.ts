/** Faults of the network: a machine is made over a line that breaks, on a host on which our scripts really run. */
import t from 'tap'
import type { MachineError } from '../../src/contracts/errors.js'
import { CREATE_STAGES } from '../../src/machine/create-stages.js'
import { connectionsTo, type FarHost, farHost, failureWithin, leftInStore } from '../helpers/far-host.js'
import type { Fault, Later, Way } from '../helpers/faulty-line.js'
import { poll } from '../helpers/poll.js'
import { canSandbox } from '../helpers/sandbox-host.js'
import { type Trial, trials } from '../helpers/trials.js'
import { size } from '../sizes.js'

const skip = canSandbox() ? false : 'needs root and namespaces'
const IS_CAMPAIGN = process.env['TSMACHINE_SIZES'] === 'campaign'
/** Bytes of a create without faults, less some: a fault that never strikes is none. */
const DOWN = 15_000
const UP = 1_590_000
/** All that is said besides the engine's own bytes. */
const TALK = 25_000
/** For a whole create, its deadlines included, on a computer that does much else. */
const CASE_MS = 200_000
/** What nobody answers is waited for until a stage's deadline: minutes, of which tests take these parts. */
const HURRY = { boot: 0.1, ssh: 0.1, identity: 0.03, provision: 0.015, engine: 0.05, tls: 0.1 } as const
/** A stage may end so late. Less than what interrupted work is given to write down what it made. */
const LATE_MS = 12_000

t.setTimeout(IS_CAMPAIGN ? 7_200_000 : 600_000)

t.test(
  'whatever byte a line breaks at, a create ends with its stage and goes on later',
  { skip },
  async (t) => {
    await trials(t, 'network: the line breaks while a machine is made', 'networkFaults', oneBreak, {
      atOnce: 3,
    })
  },
)

const skipFar = size('slowLines') > 0 ? skip : 'it takes two minutes: campaigns only'

t.test(
  'over a line that needs five seconds for a round trip a machine is made',
  { skip: skipFar },
  async (t) => {
    await trials(t, 'network: five seconds for a round trip', 'slowLines', async () => {
      const far = await farHost(t)
      far.line.set({ kind: 'late', delayMs: 2_500 })
      const error = await failureWithin(2 * CASE_MS, far.create())
      if (error) throw new Error(`it fails at ${error.stage}: ${error.message}`, { cause: error })
      far.checkHost()
      await nothingIsLeft(far)
    })
  },
)

async function oneBreak(trial: Trial): Promise<void> {
  const endings: (() => unknown)[] = []
  const far = await farHost({ teardown: (work) => endings.push(work) })
  const fault = faultOf(trial)
  const story: unknown[] = [fault]
  try {
    const error = await breaks(far, fault)
    story.push(far.line.hasStruck, error?.stage, error?.code, error?.message)
    const verb = await goesOn(far, error, trial)
    story.push(verb)
    if (fault.kind === 'cut') await poll(30_000, () => Promise.resolve(far.host.processes().length === 0))
  } catch (cause) {
    throw new Error(`${JSON.stringify(story)}: ${String(cause)}`, { cause })
  } finally {
    if (process.env['TSMACHINE_STORY']) process.stderr.write(`${trial.seed} ${JSON.stringify(story)}\n`)
    for (const end of endings.reverse()) await end()
  }
}

type Break = Extract<Fault, { at: number }>

function faultOf({ next, pick }: Trial): Break {
  const way = pick<Way>(['up', 'down'])
  const at = way === 'down' ? next(DOWN) : pick([next(TALK), next(UP), UP - next(TALK)])
  const later = pick<Later>(['works', 'works', 'refused', 'silent'])
  if (pick([true, false, false])) return { kind: 'stall', at, way, later }
  return { kind: 'cut', at, way, later, by: pick(['reset', 'end'] as const) }
}

async function breaks(far: FarHost, fault: Break): Promise<MachineError | undefined> {
  far.line.set(fault)
  far.hurry = fault.kind === 'stall' || fault.later !== 'works' ? HURRY : {}
  const error = await failureWithin(CASE_MS, far.create())
  if (error) checkError(far, error)
  await nothingIsLeft(far)
  return error
}

/** A failure is told with its stage, in time and with a command to type, and is no fault of ours. */
function checkError(far: FarHost, error: MachineError): void {
  const row = CREATE_STAGES.find(({ stage }) => stage === error.stage)
  if (!row) throw new Error(`no stage: ${error.message}`)
  if (error.code === 'bug') throw new Error(`a bug: ${error.message}`, { cause: error })
  const next = /^tsmachine (create web --resume|provision web)$/
  if (!error.hints.some((hint) => next.test(hint))) throw new Error(`no next step: ${error.message}`)
  const tookMs = far.tookMs(row.stage)
  if (row.stage === 'provision' && error.evidence === undefined) throw new Error('no evidence')
  if (tookMs > row.deadlineMs * (far.hurry[row.stage] ?? 1) + LATE_MS)
    throw new Error(`${row.stage} took ${tookMs} ms`)
}

async function nothingIsLeft({ ports, ctx }: FarHost): Promise<void> {
  await poll(10_000, () => Promise.resolve(connectionsTo(ports) === 0))
  const left = leftInStore(ctx.store.root)
  if (left.length > 0) throw new Error(`left in the store: ${left.join(', ')}`)
}

/** The same command, or another that finishes it, over a line that works. */
async function goesOn(far: FarHost, failed: MachineError | undefined, { pick }: Trial): Promise<string> {
  far.line.set()
  far.hurry = {}
  const verb = failed ? pick(['resume', 'provision'] as const) : 'done'
  const again = verb === 'done' ? undefined : await failureWithin(CASE_MS, far[verb]())
  if (again) throw new Error(`${verb} fails at ${again.stage}: ${again.message}`, { cause: again })
  far.checkHost()
  await nothingIsLeft(far)
  const { phase, hostKeys } = far.ledger()
  if (phase !== 'ready' || !hostKeys?.rotated || hostKeys.next) throw new Error(`it is ${phase}`)
  return verb
}
