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
import { interleave } from './interleave.js'
import { medianTimeline, ratio } from './numbers.js'
import type { Bench, Measurement, TimelinePart } from './result.js'
import { timedCreate, timelineParts } from './timing.js'

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

type Ours = Taken & { readonly parts: readonly TimelinePart[] }

const UNITS = { ms: 'ms', connections: 'calls', commands: 'calls' } as const
const OF = { ms: 'time', connections: 'SSH connections', commands: 'commands' } as const

export const benchProvision: Bench = async ({ runs, dockerMachine }) => {
  await stockDisk('docker')
  const { ours, theirs } = await interleave(
    {
      ours: () => onFreshVm(runOurs),
      theirs:
        dockerMachine === undefined
          ? undefined
          : () => onFreshVm((vm, user) => runTheirs(vm, user, dockerMachine)),
    },
    { runs },
  )
  const keys = ['ms', 'connections', 'commands'] as const
  const row = (who: string, taken: readonly Taken[], key: keyof Taken): Measurement => ({
    name: `${who}: ${OF[key]}`,
    unit: UNITS[key],
    values: taken.map((one) => one[key]),
  })
  const rows = keys.map((key) => ({
    key,
    mine: row('tsmachine', ours, key),
    other: row('docker-machine', theirs, key),
  }))
  const compared = theirs.length > 0
  return {
    measurements: rows.flatMap(({ mine, other }) => (compared ? [mine, other] : [mine])),
    ratios: compared ? rows.map(({ key, mine, other }) => ratio(OF[key], mine, other, BUDGET)) : [],
    timelines: [{ name: 'create --driver generic', parts: medianTimeline(ours.map(({ parts }) => parts)) }],
    notes: compared ? [] : ['docker-machine is not here: no ratio'],
  }
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
export async function prepare(vm: StockVm): Promise<void> {
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

export async function runOurs(vm: StockVm, user: TestUser): Promise<Omit<Ours, 'connections' | 'commands'>> {
  const words = await genericFlags(vm)
  const began = performance.now()
  const timing = await timedCreate(user, words, NAME)
  return { ms: performance.now() - began, parts: timelineParts(timing) }
}

/** It knows no host keys. */
export async function runTheirs(vm: StockVm, user: TestUser, program: string): Promise<{ ms: number }> {
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
