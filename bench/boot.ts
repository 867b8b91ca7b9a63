/**
 * `tsmachine create` to `docker info` from this computer on our image, against a stock Debian VM with systemd and docker.io
 * from process start to its `docker info` over SSH: same QEMU flags, in turn, one VM at a time.
 */
import { isMachineError } from '../src/contracts/errors.js'
import { retry } from '../src/util/wait.js'
import { TestUser } from '../test/helpers/cli.js'
import { startStockVm, stockDisk, type StockVm } from '../test/helpers/stock-vm.js'
import { median, seconds } from './numbers.js'
import { createWithStages, type Stage } from './stages.js'

const MEMORY_MB = 2048
const CPUS = 2
const BUDGET = 0.7
const LIMIT_MS = 600_000
const NAME = 'bench'
const FLAGS = ['--qemu-memory', String(MEMORY_MB), '--qemu-cpu-count', String(CPUS), '--qemu-accel', 'tcg']

interface Ours {
  readonly ms: number
  /** The same VM started again: kernel, init and engine, with nothing left to provision. */
  readonly floorMs: number
  readonly stages: readonly Stage[]
}

/** Prints both times, their ratio, the floor and the stages. True when the ratio is within its budget. */
export async function benchBoot(runs: number): Promise<boolean> {
  const ours: Ours[] = []
  const stock: number[] = []
  await stockDisk('docker')
  for (let run = 0; run < runs; run++) {
    // Neither is always the one that finds the computer's caches warm.
    const both = [async () => ours.push(await measureOurs()), async () => stock.push(await measureStock())]
    for (const measure of run % 2 === 0 ? both : both.toReversed()) await measure()
    print(`run ${run + 1}: ours ${seconds(ours.at(-1)?.ms ?? 0)}, stock ${seconds(stock.at(-1) ?? 0)}`)
  }
  const [mine, theirs] = [median(ours.map(({ ms }) => ms)), median(stock)]
  const ratio = mine / theirs
  print(`ours   ${seconds(mine)}  tsmachine create to docker info from this computer`)
  print(`stock  ${seconds(theirs)}  process start to docker info over SSH (Debian 12, systemd, docker.io)`)
  print(`ratio  ${ratio.toFixed(2)}  (budget ${BUDGET})`)
  print(
    `floor  ${seconds(median(ours.map(({ floorMs }) => floorMs)))}  kernel and engine alone: the same VM started again`,
  )
  print('where the time of create goes:')
  for (const [index, { text }] of (ours[0]?.stages ?? []).entries())
    print(`  ${seconds(median(ours.map(({ stages }) => stages[index]?.ms ?? 0))).padStart(7)}  ${text}`)
  return ratio <= BUDGET
}

async function measureOurs(): Promise<Ours> {
  const user = new TestUser()
  try {
    const began = performance.now()
    const stages = await createWithStages(user, FLAGS, NAME)
    const connected = performance.now()
    await dockerInfo(user)
    const ended = performance.now()
    const last = { text: 'docker info', ms: ended - connected }
    return { ms: ended - began, stages: [...stages, last], floorMs: await measureFloor(user) }
  } finally {
    await user.cleanUp()
  }
}

async function dockerInfo(user: TestUser): Promise<void> {
  const outcome = await user.run('docker', ['--context', NAME, 'info', '--format', '{{.ServerVersion}}'])
  if (outcome.code !== 0) throw new Error(`docker info: ${outcome.stderr}`)
}

/** Cuts the power and starts again: `start` makes no SSH session and ends with the engine's first answer. */
async function measureFloor(user: TestUser): Promise<number> {
  await user.ok(['kill', NAME])
  const began = performance.now()
  await user.ok(['start', NAME])
  return performance.now() - began
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

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
