/** The main job on a real VM of our own image: one machine, four boots. Its parts, in order, are in `main/`. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { processStart } from '../../src/util/process.js'
import { access } from './main/access.js'
import { containers } from './main/containers.js'
import { folders } from './main/folders.js'
import { identity } from './main/identity.js'
import { power } from './main/power.js'
import { strangers } from './main/strangers.js'
import { upgrade } from './main/upgrade.js'
import { Web } from './main/web.js'

t.setTimeout(900_000)
/** 670 on a quiet computer; whoever waits for the engine on a busy one adds some four a second. */
const MOST_PROCESSES = 1_000

const web = await Web.prepare()
t.teardown(() => web.cleanUp())
const { user, dir } = web

t.test('create makes a machine, its certificates and its Docker context', async (t) => {
  const { elsewhere, same, frozen } = web.folders
  const args = ['create', '--qemu-memory', '1024', '--qemu-cpu-count', '2', '--qemu-disk-size', '20000']
  for (const share of [`${elsewhere}:/mnt/shared`, same, `${frozen}:/mnt/frozen:ro`])
    args.push('--qemu-share', share)
  args.push('--engine-registry-ca', `${web.registry.address}=${web.registry.ca}`)
  args.push('--engine-label', 'note=it costs $5 "today"', 'web')
  const outcome = await user.tsmachine(args)
  t.equal(outcome.code, 0, outcome.stderr)
  t.match(outcome.stderr, /Waiting for machine to boot[^]*Checking the TLS connection/)
  const record = web.ledger()
  t.match(record, { phase: 'ready', dockerContext: 'web', hostKeys: { source: 'given', rotated: true } })
  t.equal(record.failure, undefined)
  t.strictSame(record.stepsDone, ['make', 'boot', 'ssh', 'identity', 'provision', 'engine', 'tls'])
})

t.test(
  'few processes are started until the engine answers: each costs milliseconds under emulation',
  async (t) => {
    const started = Number(await web.inGuest('sed -n "s/^processes //p" /proc/stat'))
    t.ok(started > 0 && started <= MOST_PROCESSES, `${started} processes and threads since the kernel began`)
  },
)

t.test('nothing on this computer keeps the private host key after its rotation', async (t) => {
  const seed = readdirSync(join(dir, 'seed')).map((name) => readFileSync(join(dir, 'seed', name), 'utf8'))
  t.ok(seed.length > 0)
  t.notOk(seed.some((text) => text.includes('PRIVATE KEY')))
  t.notOk(existsSync(join(dir, 'host_key')))
})

t.test('secret files and folders are the owner’s alone', async (t) => {
  for (const name of ['id_rsa', 'key.pem', 'server-key.pem', 'config.json', 'tsmachine.json'])
    t.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name)
  t.equal(statSync(dir).mode & 0o777, 0o700)
})

containers(web)
folders(web)
access(web)
identity(web)
strangers(web)
power(web)
upgrade(web)

t.test('rm leaves nothing behind', async (t) => {
  await user.ok(['use', 'web'])
  const pid = Number(web.ledger().resources.find((resource) => resource.kind === 'vm')?.attributes?.['pid'])
  t.ok(processStart(pid), 'the VM runs')
  await user.ok(['rm', '-y', 'web'])
  t.notOk(existsSync(dir))
  t.equal(processStart(pid), undefined, 'the VM is gone')
  t.equal((await user.run('docker', ['context', 'show'])).stdout, 'default\n')
  t.notMatch((await user.run('docker', ['context', 'ls'])).stdout, /^web /m)
  t.strictSame(readdirSync(join(user.home, 'run', 'tsmachine')), [], 'no socket is left')
  t.strictSame(readdirSync(join(user.store, 'locks')), [], 'no lock is left')
})
