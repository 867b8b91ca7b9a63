/** The first connection to a host that we did not make: where its key may come from, over a real sshd. */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { FlagValues } from '../../src/contracts/driver.js'
import { DOCKER_MACHINE_PROFILE, type Profile } from '../../src/contracts/profile.js'
import { collectFlagValues } from '../../src/drivers/common/flags.js'
import { factory as generic } from '../../src/drivers/generic/index.js'
import { settledPins } from '../../src/machine/connect.js'
import { createMachine, resumeCreate } from '../../src/machine/create.js'
import { inspectMachine } from '../../src/machine/inspect.js'
import { openMachine } from '../../src/machine/open.js'
import { provisionMachine } from '../../src/machine/provision.js'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { machineContext } from '../helpers/machine-context.js'
import { driverRecord, machineOptions } from '../helpers/records.js'
import { scriptedHost } from '../helpers/scripted-host.js'

const dir = scratchDir(t)
const pair = generateKeyPair('test')
const keyPath = join(dir, 'id')
writeFileSync(keyPath, pair.privatePem, { mode: 0o600 })
// One store for all: its CA signs the engine's certificate. The key of this host never changes.
const host = await scriptedHost(t, machineContext({ dir }), { authorized: [pair.publicLine] })
const [hostKey = ''] = host.sshd.hostKeys
const blob = Buffer.from(hostKey.split(' ')[1] ?? '', 'base64')
const print = `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
const otherKey = generateKeyPair('other').publicLine.split(' ').slice(0, 2).join(' ')
const otherPrint = `SHA256:${'A'.repeat(43)}`

interface Wish {
  readonly flags?: FlagValues
  readonly profile?: Profile
  readonly env?: Record<string, string>
  /** Content of ~/.ssh/known_hosts. */
  readonly known?: string
}

function context(t: Test, { profile, env = {}, known }: Wish): ReturnType<typeof machineContext> {
  const home = scratchDir(t)
  if (known !== undefined) {
    mkdirSync(join(home, '.ssh'))
    writeFileSync(join(home, '.ssh', 'known_hosts'), known)
  }
  return machineContext({ dir, env: { HOME: home, ...env }, ...(profile ? { profile } : {}) })
}

let count = 0

/** Creates a machine on the host; gives its name and what its record says of the host key. */
async function create(t: Test, wish: Wish): Promise<{ name: string; hostKeys: unknown; warnings: string }> {
  const ctx = context(t, wish)
  const name = `m${++count}`
  const given = {
    'generic-ip-address': '127.0.0.1',
    'generic-ssh-port': host.sshd.port,
    'generic-ssh-user': host.sshd.user,
    'generic-ssh-key': keyPath,
    'generic-engine-port': host.engine.port,
    ...wish.flags,
  }
  const flagValues = collectFlagValues(generic.flags, given, {}).values
  const before = host.calls().length
  try {
    await createMachine(ctx, { name, driver: 'generic', flagValues, options: machineOptions() })
  } catch (error) {
    t.equal(host.calls().length, before, 'no command was run on a host that we do not know')
    t.equal(ctx.store.read(name).ledger?.hostKeys, undefined, 'nothing was pinned')
    throw error
  }
  const warnings = ctx.events.flatMap((event) => (event.type === 'warn' ? [event.text] : [])).join('\n')
  return { name, hostKeys: ctx.store.read(name).ledger?.hostKeys, warnings }
}

const pinned = (source: string) => ({ hostKeys: { source, current: hostKey, rotated: true }, warnings: '' })
const address = (): string => `[127.0.0.1]:${host.sshd.port}`

t.test('a key or fingerprint given by the user is pinned without a warning', async (t) => {
  for (const given of [hostKey, `${hostKey} root@host`, print])
    t.match(await create(t, { flags: { 'generic-host-key': given } }), pinned('user'), given)
})

t.test('what the user gave wins over known_hosts, and is refused when it is another', async (t) => {
  const known = `${address()} ${hostKey}\n`
  for (const given of [otherKey, otherPrint])
    await t.rejects(create(t, { flags: { 'generic-host-key': given }, known }), {
      code: 'host-key',
      stage: 'ssh',
      message: new RegExp(print.slice(7, 20).replace(/[+/]/g, '\\$&')),
    })
  const flags = { 'generic-host-key': hostKey }
  t.match(await create(t, { flags, known: `${address()} ${otherKey}\n` }), pinned('user'))
})

t.test('known_hosts is believed, also when it contradicts, also under docker-machine', async (t) => {
  t.match(await create(t, { known: `# a comment\n${address()} ${hostKey}\n` }), pinned('known-hosts'))
  const wrong = { known: `${address()} ${otherKey}\n`, flags: { 'generic-trust-first-use': true } }
  await t.rejects(create(t, wrong), { code: 'host-key', stage: 'ssh' })
  await t.rejects(create(t, { ...wrong, profile: DOCKER_MACHINE_PROFILE }), { code: 'host-key' })
})

t.test('nobody gave a key: refused with all the ways to give one', async (t) => {
  await t.rejects(create(t, {}), {
    code: 'host-key',
    stage: 'ssh',
    message: 'Nobody told us the host key of 127.0.0.1, so we cannot know who answers there',
    hints: [
      /--generic-host-key 'SHA256:\.\.\.'.*ssh-keygen -lf/,
      /known_hosts.*: ssh /,
      /--generic-trust-first-use/,
      /--resume/,
    ],
  })
})

t.test('first use only when said aloud or called as docker-machine, with one warning', async (t) => {
  const seen = {
    hostKeys: { source: 'first-use', current: hostKey },
    warnings: new RegExp('accepted at first sight: SHA256:'),
  }
  const flags = { 'generic-trust-first-use': true }
  const said = await create(t, { flags })
  t.match(said, seen)
  t.equal(said.warnings.split('accepted at first sight').length, 2)
  t.match(await create(t, { profile: DOCKER_MACHINE_PROFILE }), seen)
  t.match(await inspectMachine(context(t, {}), said.name), { HostKey: { Source: 'first-use' } })
})

t.test('TSMACHINE_HOST_KEYS=strict refuses first use in every case', async (t) => {
  const env = { TSMACHINE_HOST_KEYS: 'strict' }
  const flags = { 'generic-trust-first-use': true }
  await t.rejects(create(t, { flags, env }), { code: 'host-key', stage: 'ssh' })
  await t.rejects(create(t, { profile: DOCKER_MACHINE_PROFILE, env }), { code: 'host-key' })
  t.match(await create(t, { flags: { 'generic-host-key': print }, env }), pinned('user'))
})

t.test('a create that was refused is resumed once known_hosts has the key', async (t) => {
  await t.rejects(create(t, {}), { code: 'host-key' })
  const ctx = context(t, { known: `${address()} ${hostKey}\n` })
  await resumeCreate(ctx, `m${count}`)
  t.match(ctx.store.read(`m${count}`).ledger, { phase: 'ready', hostKeys: { source: 'known-hosts' } })
})

/** A record as docker-machine leaves it: no ledger of ours, so no key. */
function foreign(name: string, driver = 'generic'): void {
  const home = join(dir, 'store', 'machines', name)
  mkdirSync(home, { recursive: true })
  const record = JSON.parse(driverRecord(driver)) as {
    Name: string
    Driver: Record<string, unknown>
  }
  Object.assign(record, { Name: name })
  Object.assign(record.Driver, {
    IPAddress: '127.0.0.1',
    MachineName: name,
    SSHUser: host.sshd.user,
    SSHPort: host.sshd.port,
    SSHKeyPath: keyPath,
    SSHKey: keyPath,
    EnginePort: host.engine.port,
  })
  writeFileSync(join(home, 'config.json'), JSON.stringify(record))
}

t.test('a record of docker-machine: any verb pins the first key seen, the next ones expect it', async (t) => {
  foreign('old')
  foreign('strict')
  const strict = context(t, { env: { TSMACHINE_HOST_KEYS: 'strict' } })
  await t.rejects(provisionMachine(strict, 'strict'), { code: 'host-key' })
  const ctx = context(t, {})
  const open = await openMachine(ctx, 'old')
  t.same(await settledPins(ctx, open), { keys: [hostKey] }, 'what the ssh program is told')
  t.match(ctx.store.read('old').ledger, {
    phase: 'ready',
    hostKeys: { source: 'first-use', current: hostKey },
  })
  await ctx.store.update('old', generic.record, (ledger) => ({
    ...ledger,
    hostKeys: { source: 'first-use', current: otherKey, rotated: true },
  }))
  await t.rejects(provisionMachine(ctx, 'old'), { code: 'host-key', stage: 'ssh' }, 'a change is refused')
})

t.test(
  'a record of docker-machine at a cloud that a verb without SSH has written is one all the same',
  async (t) => {
    foreign('stopped', 'digitalocean')
    const env = { DIGITALOCEAN_ACCESS_TOKEN: 'unused' }
    const ctx = context(t, { env })
    const { factory } = await openMachine(ctx, 'stopped')
    const lastState = { state: 'Stopped', at: new Date().toISOString() } as const
    await ctx.store.update('stopped', factory.record, (ledger) => ({ ...ledger, lastState }))
    const strict = context(t, { env: { ...env, TSMACHINE_HOST_KEYS: 'strict' } })
    await t.rejects(settledPins(strict, await openMachine(strict, 'stopped')), { code: 'host-key' })
    t.same(await settledPins(ctx, await openMachine(ctx, 'stopped')), { keys: [hostKey] })
    t.match(ctx.store.read('stopped').ledger, { hostKeys: { source: 'first-use', current: hostKey } })
  },
)

t.test('a file with keys and fingerprints: each of them is accepted', async (t) => {
  const file = join(scratchDir(t), 'keys')
  writeFileSync(file, `${otherKey}\n${print}\n`)
  t.match(await create(t, { flags: { 'generic-host-key': file } }), pinned('user'))
})

t.test('the refusal names the fingerprint that was given', async (t) => {
  await t.rejects(create(t, { flags: { 'generic-host-key': otherPrint } }), {
    message: new RegExp(`Expected: ${otherPrint}`),
  })
})

t.test('a misspelt "strict" trusts nobody', async (t) => {
  const flags = { 'generic-trust-first-use': true }
  for (const word of ['Strict', 'STRICT'])
    await t.rejects(create(t, { flags, env: { TSMACHINE_HOST_KEYS: word } }), { code: 'host-key' })
  for (const word of ['yes', 'stict', '1'])
    await t.rejects(create(t, { flags, env: { TSMACHINE_HOST_KEYS: word } }), {
      code: 'usage',
      message: /only "strict"/,
    })
})

t.test('of two first connections at once only one can pin: the other one is refused', async (t) => {
  foreign('race')
  const ctx = context(t, {})
  const late = await openMachine(ctx, 'race')
  // While this one connects, another process has seen another key.
  await ctx.store.update('race', generic.record, (ledger) => ({
    ...ledger,
    hostKeys: { source: 'first-use', current: otherKey, rotated: true },
  }))
  await t.rejects(settledPins(ctx, late), { code: 'host-key', message: /NOT THE PINNED ONE/ })
  t.match(ctx.store.read('race').ledger, { hostKeys: { current: otherKey } })
})
