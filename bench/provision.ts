/**
 * Turning the stock Debian VM that has docker.io already into a machine: `tsmachine create --driver generic`, and, when it
 * is given, docker-machine's own program on a fresh copy of the same VM. Sessions are counted by the VM's SSH server.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { isMachineError } from '../src/contracts/errors.js'
import { isRetryableSsh } from '../src/ssh/errors.js'
import { retry } from '../src/util/wait.js'
import { TestUser } from '../test/helpers/cli.js'
import { genericFlags } from '../test/helpers/generic-flags.js'
import { startStockVm, stockDisk, type StockVm } from '../test/helpers/stock-vm.js'
import { median, seconds } from './numbers.js'
import { createWithStages, type Stage } from './stages.js'

const BUDGET = 1 / 3
const NAME = 'bench'
const LIMIT_MS = 600_000

/** What one program took on one VM. */
interface Taken {
  readonly ms: number
  /** Connections that were authenticated: for docker-machine, its ssh processes. */
  readonly connections: number
  /** Commands that were run. */
  readonly commands: number
}

type Ours = Taken & { readonly stages: readonly Stage[] }

/** Prints our figures, and the ratios where docker-machine's program is given. True when both are within the budget. */
export async function benchProvision(runs: number, dockerMachine?: string): Promise<boolean> {
  await stockDisk('docker')
  const ours: Ours[] = []
  const theirs: Taken[] = []
  for (let run = 0; run < runs; run++) {
    ours.push(await onFreshVm(runOurs))
    print(`run ${run + 1}: ours ${figures(ours.slice(-1))}`)
    if (dockerMachine === undefined) continue
    theirs.push(await onFreshVm((vm, user) => runTheirs(vm, user, dockerMachine)))
    print(`run ${run + 1}: docker-machine ${figures(theirs.slice(-1))}`)
  }
  print(`ours            ${figures(ours)}`)
  print('where our time goes:')
  for (const [index, { text }] of (ours[0]?.stages ?? []).entries())
    print(`  ${seconds(median(ours.map(({ stages }) => stages[index]?.ms ?? 0))).padStart(7)}  ${text}`)
  if (theirs.length === 0) {
    print('docker-machine  not measured: give its program with --docker-machine PATH')
    return true
  }
  print(`docker-machine  ${figures(theirs)}`)
  const ratios = {
    time: middle(ours, 'ms') / middle(theirs, 'ms'),
    commands: middle(ours, 'commands') / middle(theirs, 'commands'),
    connections: middle(ours, 'connections') / middle(theirs, 'connections'),
  }
  for (const [of, ratio] of Object.entries(ratios))
    print(`ratio  ${ratio.toFixed(2)}  ${of} (budget ${BUDGET.toFixed(2)})`)
  return Object.values(ratios).every((ratio) => ratio <= BUDGET)
}

function middle(taken: readonly Taken[], key: keyof Taken): number {
  return median(taken.map((one) => one[key]))
}

function figures(taken: readonly Taken[]): string {
  const [ms, connections, commands] = (['ms', 'connections', 'commands'] as const).map((key) =>
    middle(taken, key),
  )
  return `${seconds(ms ?? 0)}, ${commands} commands on ${connections} SSH connections`
}

/** Neither is measured while the VM still boots. */
async function onFreshVm<T extends object>(
  work: (vm: StockVm, user: TestUser) => Promise<T>,
): Promise<T & Omit<Taken, 'ms'>> {
  const vm = await startStockVm({ variant: 'docker' })
  const user = new TestUser()
  try {
    await prepare(vm)
    // An SSH server that reads its settings again refuses for a moment.
    const before = await retry('SSH of the stock VM', () => sessions(vm), {
      deadlineMs: 60_000,
      isRetryable: isRetryableSsh,
    })
    const taken = await work(vm, user)
    const after = await sessions(vm)
    // The second count is a session of its own.
    return {
      ...taken,
      connections: after.connections - before.connections - 1,
      commands: after.commands - before.commands - 1,
    }
  } finally {
    await user.cleanUp()
    await vm.stop()
  }
}

/**
 * The engine has started and the SSH server notes every command. docker-machine runs apt, so names must resolve, and its
 * unit starts /usr/bin/dockerd, which Debian has in /usr/sbin: without the link it ends in an error.
 */
async function prepare(vm: StockVm): Promise<void> {
  await retry('the engine of the stock VM', () => vm.run('sudo docker info'), {
    deadlineMs: LIMIT_MS,
    isRetryable: (error) => !(isMachineError(error) && error.code === 'host-key'),
  })
  await vm.run(
    [
      'echo "LogLevel VERBOSE" | sudo tee /etc/ssh/sshd_config.d/verbose.conf',
      'sudo systemctl reload ssh',
      'echo "nameserver 10.0.2.3" | sudo tee /etc/resolv.conf',
      'sudo ln -s /usr/sbin/dockerd /usr/bin/dockerd',
    ].join(' && '),
  )
}

async function sessions(vm: StockVm): Promise<Omit<Taken, 'ms'>> {
  const log = await vm.run('sudo journalctl --sync; sudo journalctl -u ssh.service -o cat --no-pager')
  return {
    connections: log.split('Accepted publickey').length - 1,
    commands: log.split('Starting session: command').length - 1,
  }
}

async function runOurs(vm: StockVm, user: TestUser): Promise<Omit<Ours, 'connections' | 'commands'>> {
  const words = await genericFlags(vm)
  const began = performance.now()
  const stages = await createWithStages(user, words, NAME)
  return { ms: performance.now() - began, stages }
}

/** It knows no host keys. */
async function runTheirs(vm: StockVm, user: TestUser, program: string): Promise<{ ms: number }> {
  const words = await genericFlags(vm)
  const at = words.indexOf('--generic-host-key')
  words.splice(at, 2)
  const began = performance.now()
  const child = spawn(program, ['--bugsnag-api-token', 'no-report', 'create', ...words, NAME], {
    env: { ...user.env, MACHINE_STORAGE_PATH: join(user.home, 'docker-machine') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const told: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => told.push(chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) {
    const log = await vm.run('sudo journalctl -u docker.service -o cat --no-pager -n 40')
    throw new Error(`docker-machine failed:\n${Buffer.concat(told).toString()}\n${log}`)
  }
  return { ms: performance.now() - began }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
