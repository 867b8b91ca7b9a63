/**
 * `tsmachine create` to `docker info` from this computer on our image, against a stock Debian VM with systemd and docker.io
 * from process start to its `docker info` over SSH: same QEMU flags, in turn, one VM at a time.
 */
import { isMachineError } from '../src/contracts/errors.js'
import { retry } from '../src/util/wait.js'
import { TestUser } from '../test/helpers/cli.js'
import { startStockVm, stockDisk, type StockVm } from '../test/helpers/stock-vm.js'
import { elapsed, interleave } from './interleave.js'
import { medianTimeline, ratio } from './numbers.js'
import type { Bench, Measurement, TimelinePart } from './result.js'
import { stretch, timedCreate, timelineParts } from './timing.js'

const MEMORY_MB = 2048
const CPUS = 2
const BUDGET = 0.6
const AIM = 0.45
const START_BUDGET = 0.8
const LIMIT_MS = 600_000
const NAME = 'bench'
const FLAGS = ['--qemu-memory', String(MEMORY_MB), '--qemu-cpu-count', String(CPUS), '--qemu-accel', 'tcg']

interface Ours {
  readonly ms: number
  /** `start` of the machine, which was stopped. */
  readonly startMs: number
  readonly floor: Floor
  readonly parts: readonly TimelinePart[]
}

/** What no image of ours can take away. */
interface Floor {
  /** QEMU's process until the kernel has handed over to the first program. */
  readonly kernelMs: number
  /** The engine alone, until it answers, in a guest that does nothing else. */
  readonly engineMs: number
}

export const benchBoot: Bench = async ({ runs }) => {
  await stockDisk('docker')
  const { ours, stock } = await interleave({ ours: measureOurs, stock: measureStock }, { runs })
  const row = (name: string, of: (one: Ours) => number): Measurement => measurement(name, ours.map(of))
  const create = row('tsmachine create to docker info', ({ ms }) => ms)
  const start = row('tsmachine start of the same, stopped', ({ startMs }) => startMs)
  const theirs = measurement('stock Debian 12 (systemd, docker.io), process start to docker info', stock)
  const floor = row(
    'floor: kernel and engine alone',
    ({ floor: { kernelMs, engineMs } }) => kernelMs + engineMs,
  )
  return {
    measurements: [
      create,
      theirs,
      start,
      floor,
      row('floor: kernel', ({ floor: { kernelMs } }) => kernelMs),
      row('floor: engine', ({ floor: { engineMs } }) => engineMs),
    ],
    ratios: [
      ratio(`create by stock (aim ${AIM})`, create, theirs, BUDGET),
      ratio('start by create', start, create, START_BUDGET),
      ratio('floor by stock', floor, theirs),
    ],
    timelines: [{ name: 'tsmachine create', parts: medianTimeline(ours.map(({ parts }) => parts)) }],
    notes: [
      'both VMs are emulated (tcg), with the same QEMU flags',
      'the kernel is told by the console, which is read five times a second',
    ],
  }
}

function measurement(name: string, values: readonly number[]): Measurement {
  return { name, unit: 'ms', values }
}

async function measureOurs(): Promise<Ours> {
  const user = new TestUser()
  try {
    const began = performance.now()
    const timing = await timedCreate(user, FLAGS, NAME)
    const made = performance.now() - began
    await dockerInfo(user)
    const ms = performance.now() - began
    const parts = [...timelineParts(timing), { text: 'docker info', startMs: made, ms: ms - made }]
    const floor = {
      kernelMs: stretch(timing, ['make', 'vm'], ['boot', 'kernel']),
      engineMs: await engineAlone(user),
    }
    await user.ok(['stop', NAME])
    return { ms, parts, floor, startMs: await elapsed(() => user.ok(['start', NAME])) }
  } finally {
    await user.cleanUp()
  }
}

/** Starts the engine of a guest again and returns what the guest's own clock says. */
async function engineAlone(user: TestUser): Promise<number> {
  const service = 'sudo tsmachine-service engine'
  const script = `${service} stop; read from x </proc/uptime; ${service} start; read to x </proc/uptime; echo $from $to`
  const [from = 0, to = 0] = (await user.ok(['ssh', NAME, script])).trim().split(' ').map(Number)
  return (to - from) * 1000
}

async function dockerInfo(user: TestUser): Promise<void> {
  const outcome = await user.run('docker', ['--context', NAME, 'info', '--format', '{{.ServerVersion}}'])
  if (outcome.code !== 0) throw new Error(`docker info: ${outcome.stderr}`)
}

async function measureStock(): Promise<number> {
  const began = performance.now()
  const vm = await startStockVm({ variant: 'docker', memory: MEMORY_MB, cpuCount: CPUS, wait: false })
  try {
    await retry('docker info on the stock VM', () => stockInfo(vm), {
      deadlineMs: LIMIT_MS,
      intervalMs: 250,
      maxIntervalMs: 250,
      isRetryable: (error) => !(isMachineError(error) && error.code === 'host-key'),
    })
    return performance.now() - began
  } finally {
    await vm.stop()
  }
}

async function stockInfo(vm: StockVm): Promise<void> {
  const version = await vm.run('sudo docker info --format "{{.ServerVersion}}"')
  if (version.trim() === '') throw new Error('the engine of the stock VM does not answer yet')
}
