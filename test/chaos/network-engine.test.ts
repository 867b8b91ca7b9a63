/** An engine that is restarted, or whose line breaks, at any byte of what is asked: it is told as such, and asked again it answers. */
import t from 'tap'
import { listContainers } from '../../src/engine/containers.js'
import { engineEvents } from '../../src/engine/events.js'
import { EngineProbeError, probeEngine } from '../../src/engine/probe.js'
import type { EngineTarget } from '../../src/engine/target.js'
import type { RequestLimits } from '../../src/engine/watch.js'
import { FakeEngine } from '../doubles/engine.js'
import { testCertificates } from '../helpers/certificates.js'
import { connectionsTo } from '../helpers/far-host.js'
import { type Fault, FaultyLine, type Later, type Way } from '../helpers/faulty-line.js'
import { poll } from '../helpers/poll.js'
import { type Trial, trials } from '../helpers/trials.js'

t.setTimeout(process.env['TSMACHINE_SIZES'] === 'campaign' ? 3_600_000 : 300_000)

/** Bytes of a handshake with both certificates, of a question and its answer, less some. */
const BYTES = { up: 2_400, down: 2_600 } as const
const DEADLINE_MS = 1_000
/** For that, on a computer that does much else. */
const LATE_MS = 20_000
const CONTAINERS = [{ Id: 'c1', Names: ['/one'], Image: 'i', State: 'running', Ports: [] }]

const certificates = await testCertificates()
const { ca, server } = certificates
t.teardown(() => certificates.remove())

type Asked = EngineTarget & RequestLimits

/** What `ls`, `config` and the helper of forwarded ports ask; each throws where the answer is not what the engine said. */
const QUESTIONS: Readonly<Record<string, (target: Asked, engine: FakeEngine) => Promise<void>>> = {
  version: async (target) => {
    const { version } = await probeEngine(target)
    if (version !== '27.5.1') throw new Error(`it is said to be ${version}`)
  },
  containers: async (target) => {
    const found = await listContainers(target)
    if (found.map(({ name }) => name).join() !== 'one') throw new Error(`found ${JSON.stringify(found)}`)
  },
  events: async (target, engine) => {
    const onOpen = (): void => {
      engine.emit('start', 'c1', 40)
      setTimeout(() => engine.endStreams(), 60)
    }
    for await (const { name } of engineEvents({ ...target, onOpen }))
      if (name !== 'name-c1') throw new Error(`an event of ${name}`)
  },
}

t.test(
  'whatever byte the line to an engine breaks at, it is told, and the next question works',
  async (t) => {
    const engine = await FakeEngine.start({ ca: ca.caPem, ...server, containers: CONTAINERS })
    t.teardown(() => engine.stop())
    const line = new FaultyLine()
    t.teardown(() => line.close())
    const port = await line.to(engine.port)
    const target = { host: '127.0.0.1', port, ca: ca.caPem, ...ca.client, deadlineMs: DEADLINE_MS }
    let told = 0
    const { tried } = await trials(
      t,
      'network: an engine ends while it is asked',
      'engineCuts',
      async (trial) => {
        const [what, ask] = trial.pick(Object.entries(QUESTIONS))
        const fault = faultOf(trial, what)
        line.set(fault)
        const failure = await failureOf(ask(target, engine))
        told += Number(failure !== undefined)
        line.set()
        if (failure !== undefined && !/^(Cannot reach|What answers|The engine) /.test(failure))
          throw new Error(`${what} ${JSON.stringify(fault)}: ${failure}`)
        await poll(LATE_MS, () => Promise.resolve(connectionsTo([port]) === 0), 5)
        await ask({ ...target, deadlineMs: LATE_MS }, engine)
      },
    )
    t.ok(told > tried / 3 || tried < 10, `faults strike: ${told}`)
  },
)

/** A stream of events is as long as it is silent: only what comes before it has a deadline. */
function faultOf({ next, pick }: Trial, what: string): Fault {
  const way = pick<Way>(['up', 'down'])
  const later = pick<Later>(['works', 'refused'])
  const at = next(BYTES[way])
  if (what !== 'events' && next(4) === 0) return { kind: 'stall', at, way, later }
  return { kind: 'cut', at, way, by: pick(['reset', 'end'] as const), later }
}

async function failureOf(work: Promise<void>): Promise<string | undefined> {
  const began = performance.now()
  try {
    await work
    return undefined
  } catch (error) {
    if (!(error instanceof EngineProbeError)) throw error
    const tookMs = performance.now() - began
    if (tookMs > DEADLINE_MS + LATE_MS) throw new Error(`told after ${tookMs} ms`, { cause: error })
    return error.message
  }
}
