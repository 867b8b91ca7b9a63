/**
 * Provisioning from far away: between us and the host lies a line of 100 ms and 20 Mbit/s. The stock VM that has an engine
 * only needs configuration (docker-machine's program does the same where it is given); a host without one is sent ours, which
 * cannot take less time than the line needs for its bytes.
 */
import { TestUser } from '../test/helpers/cli.js'
import { startStockVm, stockDisk, type StockVm } from '../test/helpers/stock-vm.js'
import { difference, type Traffic } from '../test/helpers/wire.js'
import { interleave } from './interleave.js'
import { medianTimeline, ratio } from './numbers.js'
import { prepare, runOurs, runTheirs } from './provision.js'
import { sendBundle } from './remote-bundle.js'
import { RemoteLink } from './remote-link.js'
import type { Bench, Measurement, TimelinePart } from './result.js'

const RTT_MS = 100
const MBIT_PER_S = 20
const BUDGETS = { configuration: 0.2, bundled: 1.15 }
interface Taken {
  readonly ms: number
  readonly traffic: Traffic
  readonly parts?: readonly TimelinePart[]
}

type Run = (vm: StockVm, user: TestUser) => Promise<Omit<Taken, 'traffic'>>

export const benchRemote: Bench = async ({ runs, dockerMachine }) => {
  await stockDisk('docker')
  const { ours, theirs, bundled } = await interleave(
    {
      ours: () => overLink((link) => configure(link, runOurs)),
      theirs:
        dockerMachine === undefined
          ? undefined
          : () => overLink((link) => configure(link, (vm, user) => runTheirs(vm, user, dockerMachine))),
      bundled: () => overLink(sendBundle),
    },
    { runs },
  )
  const [mine, other] = [rows('configuration', ours), rows('docker-machine, configuration', theirs)]
  const sent = rows('bundled', bundled)
  const floor = of('bundled: its bytes alone', 'ms', bundled, ({ traffic }) => lineMs(traffic.bytesUp))
  const compared = theirs.length > 0
  return {
    measurements: [...mine.all, ...(compared ? other.all : []), ...sent.all, floor],
    ratios: [
      ...(compared
        ? [
            ratio('configuration, time', mine.time, other.time, BUDGETS.configuration),
            ratio('configuration, round trips', mine.trips, other.trips),
          ]
        : []),
      ratio('bundled install by its bytes alone', sent.time, floor, BUDGETS.bundled),
    ],
    timelines: [{ name: 'remote create', parts: medianTimeline(ours.map(({ parts = [] }) => parts)) }],
    notes: [
      `the line: ${RTT_MS} ms, ${MBIT_PER_S} Mbit/s each way, a relay of ours on loopback (no loss, no slow start)`,
      'bundled: to a folder of this computer, without the engine’s start',
      ...(compared ? [] : ['docker-machine is not here: no ratio to it']),
    ],
  }
}

function rows(who: string, taken: readonly Taken[]) {
  const time = of(`${who}: time`, 'ms', taken, ({ ms }) => ms)
  const trips = of(`${who}: round trips`, 'calls', taken, ({ traffic }) => traffic.roundTrips)
  const connections = of(`${who}: connections`, 'calls', taken, ({ traffic }) => traffic.connections)
  const bytes = of(`${who}: sent`, 'bytes', taken, ({ traffic }) => traffic.bytesUp)
  return { time, trips, all: [time, trips, connections, bytes] }
}

function of(
  name: string,
  unit: Measurement['unit'],
  taken: readonly Taken[],
  value: (one: Taken) => number,
): Measurement {
  return { name, unit, values: taken.map(value) }
}

/** What the line needs for so many bytes. */
function lineMs(bytes: number): number {
  return (bytes * 8) / (MBIT_PER_S * 1000)
}

async function overLink<T>(work: (link: RemoteLink) => Promise<T>): Promise<T> {
  const link = new RemoteLink({ rttMs: RTT_MS, mbitPerS: MBIT_PER_S })
  try {
    return await work(link)
  } finally {
    link.close()
  }
}

async function configure(link: RemoteLink, run: Run): Promise<Taken> {
  const vm = await startStockVm({ variant: 'docker' })
  const user = new TestUser()
  try {
    await prepare(vm)
    const far: StockVm = {
      ...vm,
      sshPort: await link.open(vm.sshPort),
      forward: async (guestPort, port) => await link.open(await vm.forward(guestPort), port),
    }
    const before = await link.traffic()
    const taken = await run(far, user)
    return { ...taken, traffic: difference(await link.traffic(), before) }
  } finally {
    await user.cleanUp()
    await vm.stop()
  }
}
