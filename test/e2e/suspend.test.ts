/** A machine of our own image that is suspended: what ran in it goes on, and users notice nothing but the time. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { processStart } from '../../src/util/process.js'
import { importBusybox } from '../helpers/busybox-image.js'
import { type Outcome, TestUser } from '../helpers/cli.js'
import { poll } from '../helpers/poll.js'
import { freePort } from '../helpers/sshd.js'
import { fetchText } from './main/web.js'

t.setTimeout(900_000)
/** The guest leaves less than this alone; the rest is for asking it over SSH. */
const TOLERANCE_S = 3
const FLAGS = ['--qemu-memory', '1024', '--qemu-cpu-count', '2']
const user = new TestUser()
t.teardown(() => user.cleanUp())

const dirOf = (name: string): string => join(user.store, 'machines', name)
const ledgerOf = (name: string): LedgerRecord =>
  JSON.parse(readFileSync(join(dirOf(name), 'tsmachine.json'), 'utf8')) as LedgerRecord

async function docker(name: string, ...args: string[]): Promise<string> {
  const outcome = await user.docker(name, args)
  if (outcome.code !== 0) throw new Error(`docker ${args.join(' ')}: ${outcome.stderr}`)
  return outcome.stdout.trim()
}

const inGuest = async (name: string, line: string): Promise<string> =>
  (await user.ok(['ssh', name, '--', line])).trim()

async function clockIsRight(t: Test, name: string): Promise<void> {
  const seconds = Number(await inGuest(name, 'date +%s'))
  t.ok(Math.abs(seconds - Date.now() / 1_000) <= TOLERANCE_S, `its clock says ${seconds}`)
}

t.test('containers of a suspended machine go on where they were', async (t) => {
  await user.ok(['create', ...FLAGS, 'sleeper'])
  await importBusybox(user, 'sleeper')
  const port = await freePort()
  // It counts in its own memory, and a web server shows the count.
  const program =
    'mkdir /www; httpd -p 80 -h /www; n=0; while :; do n=$((n + 1)); echo $n >/www/index.html; sleep 1; done'
  await docker(
    'sleeper',
    'run',
    '-d',
    '--name',
    'counter',
    '-p',
    `${port}:80`,
    'busybox',
    'sh',
    '-c',
    program,
  )
  const count = async (): Promise<number> =>
    Number(await docker('sleeper', 'exec', 'counter', 'cat', '/www/index.html'))
  const identity = (): Promise<string> =>
    docker('sleeper', 'inspect', '-f', '{{.State.Pid}} {{.State.StartedAt}}', 'counter')
  const url = await user.ok(['url', 'sleeper'])
  const [before, process] = [await count(), await identity()]
  const bootId = await inGuest('sleeper', 'cat /proc/sys/kernel/random/boot_id')
  const vm = ledgerOf('sleeper').resources.find(({ kind }) => kind === 'vm')
  const pid = Number(vm?.attributes?.['pid'])

  await user.ok(['suspend', 'sleeper'])
  t.equal(processStart(pid), undefined, 'QEMU has ended')
  t.equal(await user.ok(['status', 'sleeper']), 'Saved\n')
  t.ok(existsSync(join(dirOf('sleeper'), 'memory.saved')))
  await user.ok(['start', 'sleeper'])

  t.notOk(existsSync(join(dirOf('sleeper'), 'memory.saved')), 'the memory file is gone')
  t.equal(await user.ok(['url', 'sleeper']), url)
  t.equal(await identity(), process, 'the same process of the container')
  t.equal(await inGuest('sleeper', 'cat /proc/sys/kernel/random/boot_id'), bootId, 'no boot lies between')
  t.ok((await count()) >= before, 'it counts on')
  await poll(20_000, async () => (await count()) > before)
  await clockIsRight(t, 'sleeper')
  const outcome = await user.run('docker', ['--context', 'sleeper', 'ps', '--format', '{{.Names}}'])
  t.equal(outcome.stdout, 'counter\n', outcome.stderr)
  const { answer } = await poll(20_000, () => fetchText(port), 100)
  t.ok(Number(answer) > before, 'its published port leads to it again')
})

/** A cache of our own beside the images of all: the first machine makes the template. */
function ownCache(): Readonly<Record<string, string>> {
  const cache = join(user.home, 'cache')
  mkdirSync(join(cache, 'tsmachine'), { recursive: true, mode: 0o700 })
  symlinkSync(
    join(user.env['XDG_CACHE_HOME'] ?? '', 'tsmachine', 'images'),
    join(cache, 'tsmachine', 'images'),
  )
  return { XDG_CACHE_HOME: cache }
}

/** Names and hashes of all that a template is, without reading the holes of its disk. */
function contentOf(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => {
    const path = join(dir, name)
    const { size, mtimeMs } = statSync(path)
    if (statSync(path).isDirectory() || name === 'data.raw') return `${name} ${size} ${mtimeMs}`
    return `${name} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
  })
}

const EXPOSED = [
  'hostname',
  'cat /proc/sys/kernel/random/boot_id',
  'sudo head -c 32 /dev/urandom | sha256sum',
]

/** All that must differ between two machines. */
async function identityOf(name: string): Promise<Readonly<Record<string, string>>> {
  const said = (await inGuest(name, EXPOSED.join('; '))).split('\n')
  const { machineId, hostKeys } = ledgerOf(name)
  return {
    ...{ hostname: said[0] ?? '', bootId: said[1] ?? '', random: said[2] ?? '' },
    ...{ machineId, hostKey: String(hostKeys?.current) },
    engine: await docker(name, 'info', '-f', '{{.ID}}'),
    network: await docker(name, 'network', 'inspect', '-f', '{{.Id}}', 'bridge'),
  }
}

t.test('machines from a snapshot share its memory and nothing that is their own', async (t) => {
  const env = ownCache()
  const create = (...words: string[]): Promise<Outcome> =>
    user.tsmachine(['create', '--from-snapshot', '--qemu-accel', 'tcg', ...FLAGS, ...words], { env })
  const templates = join(env['XDG_CACHE_HOME'] ?? '', 'tsmachine', 'templates')
  const first = await create('snap-castor')
  t.equal(first.code, 0, first.stderr)
  t.match(first.stderr, 'Making the template')
  const [key = '', ...more] = readdirSync(templates)
  t.strictSame(more, [], 'one template, and no lock is left')
  const dir = join(templates, key)
  t.equal(statSync(dir).mode & 0o777, 0o700)
  const before = contentOf(dir)

  const second = await create('--qemu-disk-size', '21000', 'snap-pollux')
  t.equal(second.code, 0, second.stderr)
  t.notMatch(second.stderr, /Making the template|made as usual/)
  t.strictSame(contentOf(dir), before, 'the template is as it was')

  const [one, two] = [await identityOf('snap-castor'), await identityOf('snap-pollux')]
  t.match([one['hostname'], two['hostname']], ['snap-castor', 'snap-pollux'])
  for (const what of Object.keys(one)) t.not(one[what], two[what], what)
  for (const name of ['snap-castor', 'snap-pollux']) {
    t.match(ledgerOf(name).resources.find(({ kind }) => kind === 'disk')?.attributes, {
      template: /^\w{32}$/,
    })
    t.match(await inGuest(name, 'sudo dmesg'), /crng reseeded due to virtual machine fork/)
    await clockIsRight(t, name)
    await importBusybox(user, name)
    t.equal(await docker(name, 'run', '--rm', 'busybox', 'echo', 'hello'), 'hello')
  }
  t.equal(
    await inGuest('snap-pollux', 'cat /sys/block/vdb/size'),
    String(21_000 * 2048),
    'its disk is as large as asked for',
  )

  const secrets = [
    'certs/ca-key.pem',
    'certs/key.pem',
    'machines/snap-castor/id_rsa',
    'machines/snap-castor/server-key.pem',
  ]
  const memory = readFileSync(join(dir, 'memory.saved'))
  for (const name of secrets) {
    const [, line = ''] = readFileSync(join(user.store, name), 'utf8').split('\n')
    t.ok(line.length > 40 && !memory.includes(line), `${name} is not in it`)
  }
  t.notOk(memory.includes('snap-castor'), 'nor is a name')
})
