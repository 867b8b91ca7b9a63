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
import { createWithStages } from './stages.js'

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
  readonly stages: readonly TimelinePart[]
}

export const benchBoot: Bench = async ({ runs }) => {
  await stockDisk('docker')
  const { ours, stock } = await interleave({ ours: measureOurs, stock: measureStock }, { runs })
  const row = (name: string, values: readonly number[]): Measurement => ({ name, unit: 'ms', values })
  const create = row(
    'tsmachine create to docker info',
    ours.map(({ ms }) => ms),
  )
  const start = row(
    'tsmachine start of the same, stopped',
    ours.map(({ startMs }) => startMs),
  )
  const theirs = row('stock Debian 12 VM (systemd, docker.io), process start to docker info', stock)
  return {
    measurements: [create, start, theirs],
    ratios: [
      ratio('create by stock', create, theirs, BUDGET),
      ratio('start by create', start, create, START_BUDGET),
    ],
    timelines: [{ name: NAME, parts: medianTimeline(ours.map(({ stages }) => stages)) }],
    notes: [`the aim of create by stock is ${AIM}`, 'both VMs are emulated (tcg), with the same QEMU flags'],
  }
}

async function measureOurs(): Promise<Ours> {
  const user = new TestUser()
  try {
    const began = performance.now()
    const stages = await createWithStages(user, FLAGS, NAME)
    const last = { text: 'docker info', ms: await elapsed(() => dockerInfo(user)) }
    const ms = performance.now() - began
    await user.ok(['stop', NAME])
    return { ms, stages: [...stages, last], startMs: await elapsed(() => user.ok(['start', NAME])) }
  } finally {
    await user.cleanUp()
  }
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
