/**
 * kill -9 of the program at any time and at each write of the record, on real VMs: what was there goes on, the next command
 * carries on, and nothing is left of what is removed. One VM of our image; it is the host of the generic machine as well.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fetchText } from '../e2e/main/web.js'
import { busyboxTar } from '../helpers/busybox-image.js'
import type { Outcome } from '../helpers/cli.js'
import { type Extent, KilledUser, momentOf } from '../helpers/killed-program.js'
import { bringNewerImage } from '../helpers/newer-image.js'
import { poll } from '../helpers/poll.js'
import { freePort } from '../helpers/sshd.js'
import { type Trial, trials } from '../helpers/trials.js'
import { ledgerOf } from '../helpers/vm-process.js'
import { size } from '../sizes.js'

t.setTimeout(7_000_000)
const VM = [
  '--qemu-memory',
  '1024',
  '--qemu-cpu-count',
  '2',
  '--qemu-disk-size',
  '8000',
  '--qemu-accel',
  'tcg',
]
const user = new KilledUser()
t.teardown(() => user.cleanUp())
const published = await freePort()
let images = 0

interface Case {
  readonly name: string
  readonly words: () => readonly string[] | Promise<readonly string[]>
  readonly extent: Extent
  readonly before?: () => Promise<unknown>
  /** Typed after the kill, one after the other. */
  readonly after: readonly (readonly string[])[]
  /** A refusal that says that it had been done before the kill. */
  readonly done?: RegExp
}

/** A command on a machine that is there before and afterwards. */
async function onMachine(trial: Trial, one: Case): Promise<void> {
  await one.before?.()
  const moment = momentOf(trial, one.extent)
  const words = await one.words()
  await user.killed(words, moment)
  try {
    await user.ok(['ls'])
    await user.ok(['inspect', words.at(-1) ?? ''])
    for (const next of one.after) await carryOn(next, one.done)
    await serves(words.at(-1) ?? '')
  } catch (error) {
    throw new Error(`${words.join(' ')} killed ${moment.text}: ${textOf(error)}`)
  }
}

/** What ends by itself may take a moment. */
async function gone(left: () => readonly string[]): Promise<void> {
  await poll(
    10_000,
    () => Promise.resolve(left().length === 0),
    100,
    () => left().join(', '),
  )
}

async function carryOn(words: readonly string[], done: RegExp | undefined): Promise<void> {
  const outcome = await user.tsmachine(words)
  if (outcome.code !== 0 && !done?.test(outcome.stderr)) throw failed(words, outcome)
}

function failed(words: readonly string[], { code, signal, stdout, stderr }: Outcome): Error {
  return new Error(`tsmachine ${words.join(' ')} ended with ${code ?? signal}\n${stdout}\n${stderr}`)
}

/** Its engine answers, what it publishes is reached, and no command has left a lock. */
async function serves(name: string): Promise<void> {
  const { code, stderr } = await user.docker(name, ['ps'])
  if (code !== 0) throw new Error(stderr)
  const context = await user.run('docker', ['--context', name, 'ps'])
  if (context.code !== 0) throw new Error(context.stderr)
  await poll(30_000, async () => (await fetchText(published)) === 'served\n', 100)
  const [row] = (
    JSON.parse(await user.ok(['ls', '--json', '--filter', `name=^${name}$`])) as {
      result: { error: string }[]
    }
  ).result
  if (row?.error !== '') throw new Error(`ls says: ${row?.error}`)
  const { starting, upgrade } = ledgerOf(user, name)
  if (starting || upgrade) throw new Error('the record says that something is under way')
}

const stop = async (): Promise<unknown> => await user.ok(['stop', 'web'])
const suspend = async (): Promise<unknown> => await user.ok(['suspend', 'web'])

/** The first of them in turn are those of CI: see the seed in test/helpers/trials.ts. */
const CASES: readonly Case[] = [
  {
    name: 'regenerate-certs',
    words: () => ['regenerate-certs', '-f', 'web'],
    extent: { writes: 1, ms: 1_500 },
    after: [['regenerate-certs', '-f', 'web']],
  },
  {
    name: 'provision',
    words: () => ['provision', 'web'],
    extent: { writes: 2, ms: 1_500 },
    after: [['provision', 'web']],
  },
  {
    name: 'stop',
    words: () => ['stop', 'web'],
    extent: { writes: 0, ms: 1_500 },
    after: [
      ['stop', 'web'],
      ['start', 'web'],
    ],
    done: /already stopped/,
  },
  {
    name: 'suspend',
    words: () => ['suspend', 'web'],
    extent: { writes: 2, ms: 600 },
    after: [
      ['suspend', 'web'],
      ['start', 'web'],
    ],
    done: /already suspended/,
  },
  {
    name: 'start of a suspended machine',
    before: suspend,
    words: () => ['start', 'web'],
    extent: { writes: 4, ms: 600 },
    after: [['start', 'web']],
  },
  {
    name: 'restart',
    words: () => ['restart', 'web'],
    extent: { writes: 4, ms: 8_000 },
    after: [['restart', 'web']],
  },
  {
    name: 'upgrade',
    before: () => bringNewerImage(user, {}, ++images),
    words: () => ['upgrade', 'web'],
    extent: { writes: 6, ms: 8_000 },
    after: [['upgrade', 'web']],
  },
  {
    name: 'start',
    before: stop,
    words: () => ['start', 'web'],
    extent: { writes: 4, ms: 6_000 },
    after: [['start', 'web']],
  },
]

/** A machine of its own that is made and removed: both die. */
async function createAndRemove(trial: Trial): Promise<void> {
  const name = 'extra'
  const moment = momentOf(trial, { writes: 6, ms: 4_000 })
  await user.killed(['create', ...VM, ...trial.pick([[], ['--from-snapshot']]), name], moment)
  const removal = momentOf(trial, { writes: 2, ms: 300 })
  const id = isThere(name) ? ledgerOf(user, name).machineId : undefined
  try {
    await user.ok(['ls'])
    if (id !== undefined) {
      if (trial.next(3) === 0) await user.ok(['create', '--resume', name])
      await user.killed(['rm', '-y', name], removal, true)
      await user.ok(['ls'])
      if (isThere(name)) await user.ok(['rm', '-y', name])
    } else await user.tsmachine(['rm', '-f', '-y', name])
    await user.ok(['gc', '-y'])
    await gone(() => user.leftoversOf(name, id))
  } catch (error) {
    throw new Error(`create killed ${moment.text}, rm ${removal.text}: ${textOf(error)}`)
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const isThere = (name: string): boolean => existsSync(join(user.store, 'machines', name, 'tsmachine.json'))

async function onVm(trial: Trial): Promise<void> {
  const turn = trial.seed % (CASES.length + 1)
  const one = CASES[turn]
  if (one) await onMachine(trial, one)
  else await createAndRemove(trial)
}

/** The VM as a host that exists already. */
async function genericFlags(port: number): Promise<readonly string[]> {
  const { hostKeys, ssh } = ledgerOf(user, 'web')
  const sshPort = (await user.ok(['inspect', '-f', '{{.Driver.SSHPort}}', 'web'])).trim()
  const options = {
    'ip-address': '127.0.0.1',
    'ssh-port': sshPort,
    'ssh-user': 'docker',
    'ssh-key': ssh?.keyPath ?? '',
    'host-key': hostKeys?.current ?? '',
    'engine-port': String(port),
  }
  return [
    '--driver',
    'generic',
    ...Object.entries(options).flatMap(([key, value]) => [`--generic-${key}`, value]),
  ]
}

let box: readonly string[] = []

const GENERIC: readonly Case[] = [
  {
    name: 'provision',
    words: () => ['provision', 'box'],
    extent: { writes: 2, ms: 1_200 },
    after: [['provision', 'box']],
  },
  {
    name: 'create',
    before: async () => (isThere('box') ? await user.ok(['rm', '-f', '-y', 'box']) : undefined),
    words: () => ['create', ...box, 'box'],
    extent: { writes: 6, ms: 2_500 },
    after: [],
  },
  {
    name: 'regenerate-certs',
    words: () => ['regenerate-certs', '-f', 'box'],
    extent: { writes: 1, ms: 1_200 },
    after: [['regenerate-certs', '-f', 'box']],
  },
]

async function onHost(trial: Trial): Promise<void> {
  const one = GENERIC[trial.seed % GENERIC.length]
  if (one?.name === 'create') await createGeneric(trial, one)
  else if (one) await onMachine(trial, { ...one, before: ensureBox })
}

async function ensureBox(): Promise<void> {
  if (!isThere('box')) await user.ok(['create', ...box, 'box'])
}

/** Killed, carried on with or removed and made again, and removed by one that is killed. */
async function createGeneric(trial: Trial, { extent, before, words }: Case): Promise<void> {
  await before?.()
  const moment = momentOf(trial, extent)
  await user.killed(await words(), moment)
  const removal = momentOf(trial, { writes: 1, ms: 200 })
  try {
    await user.ok(['ls'])
    await user.ok(['create', ...(isThere('box') ? ['--resume'] : box), 'box'])
    await serves('box')
    const id = ledgerOf(user, 'box').machineId
    await user.killed(['rm', '-y', 'box'], removal, true)
    await user.ok(['ls'])
    if (isThere('box')) await user.ok(['rm', '-y', 'box'])
    await user.ok(['gc', '-y'])
    await gone(() => user.leftoversOf('box', id))
  } catch (error) {
    throw new Error(`create killed ${moment.text}, rm ${removal.text}: ${textOf(error)}`)
  }
}

t.test('a program killed at any moment loses nothing and leaves nothing, on real VMs', async (t) => {
  await user.ok(['create', ...VM, 'web'])
  const imported = await user.docker('web', ['import', await busyboxTar(user.home), 'busybox'])
  t.equal(imported.code, 0, imported.stderr)
  const serve = 'mkdir /www; echo served >/www/index.html; exec httpd -f -p 80 -h /www'
  const flags = ['-d', '--restart', 'always', '-p', `${published}:80`]
  const started = await user.docker('web', ['run', ...flags, 'busybox', 'sh', '-c', serve])
  t.equal(started.code, 0, started.stderr)
  const onHosts = Math.max(1, Math.floor(size('chaosVmKills') / 4))
  await trials(t, 'kill -9 of the program, a VM of qemu', size('chaosVmKills') - onHosts, onVm)

  const port = await freePort()
  await user.ok(['forward', 'web', `${port}:${port}`])
  box = await genericFlags(port)
  await trials(t, 'kill -9 of the program, a host of generic', onHosts, onHost)
  for (const name of ['box', 'web']) if (isThere(name)) await user.ok(['rm', '-y', name])
  await user.ok(['gc', '-y'])
  await gone(() => user.leftovers())
})
