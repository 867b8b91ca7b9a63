import { generateKeyPairSync } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type {
  DriverDeps,
  DriverMachine,
  FlagValues,
  JsonObject,
  MachineSpec,
} from '../../../../src/contracts/driver.js'
import { collectFlagValues } from '../../../../src/drivers/common/flags.js'
import { factory } from '../../../../src/drivers/generic/index.js'
import { connects, type Port, type Reached, reachAll } from '../../../../src/drivers/generic/reach.js'
import { systemClock } from '../../../../src/util/clock.js'
import { runChecked } from '../../../../src/util/exec.js'
import { withDeadline } from '../../../../src/util/wait.js'
import { scratchDir } from '../../../helpers/driver-deps.js'
import { HandClock } from '../../../helpers/hand-clock.js'

const BLOB = Buffer.concat([
  Buffer.from([0, 0, 0, 11]),
  Buffer.from('ssh-ed25519'),
  Buffer.from([0, 0, 0, 32]),
  Buffer.alloc(32, 7),
]).toString('base64')
const KEY = `ssh-ed25519 ${BLOB}`
const PRINT = `SHA256:${'A'.repeat(43)}`

function parse(given: FlagValues): ReturnType<typeof factory.parse> {
  return factory.parse(collectFlagValues(factory.flags, given, {}).values)
}

function config(given: FlagValues): JsonObject {
  const parsed = parse({ 'generic-ip-address': '192.0.2.1', ...given })
  if (!parsed.ok) throw new Error(parsed.faults.join())
  return parsed.config
}

function machine(config: JsonObject, id = 'i'): DriverMachine {
  return { name: 'm', id, storeId: 's', dir: '/d', resources: [], config }
}

t.test('the flags have defaults and names of docker-machine', async (t) => {
  t.strictSame(config({}), {
    ipAddress: '192.0.2.1',
    sshUser: 'root',
    sshKey: '',
    sshPort: 22,
    enginePort: 2376,
    hostKey: '',
    trustFirstUse: false,
  })
})

t.test('all faults are reported at once', async (t) => {
  const parsed = parse({
    'generic-ssh-user': '-oProxyCommand=x',
    'generic-ssh-port': 0,
    'generic-engine-port': 70_000,
    'generic-host-key': 'ab:'.repeat(15) + 'ab',
  })
  t.match(parsed, {
    ok: false,
    faults: [
      'generic driver requires the --generic-ip-address option',
      /user name/,
      /--generic-ssh-port wants a port/,
      /--generic-engine-port/,
      /MD5/,
    ],
  })
})

t.test('addresses are names or numbers, never options, users or ports', async (t) => {
  for (const good of [
    '10.0.0.1',
    '2001:db8::1',
    '[2001:db8::1]',
    'fe80::1%eth0',
    'host',
    'a.example.org.',
    ' 10.0.0.1 ',
  ])
    t.match(parse({ 'generic-ip-address': good }), { ok: true }, good)
  for (const bad of ['-oX', 'user@host', 'host:22', 'a b', 'a;b', 'http://h', '$(x)'])
    t.match(parse({ 'generic-ip-address': bad }), { ok: false }, bad)
})

t.test('a host key is a key, a fingerprint or a file with some', async (t) => {
  const dir = t.testdir({
    'key.pub': `${KEY} root@host\n`,
    known: `# c\n|1|abc= ${KEY}\n@revoked * ${KEY}\nhost ${PRINT}\n`,
    empty: 'nothing\n',
    private: '-----BEGIN OPENSSH PRIVATE KEY-----\n',
  })
  t.equal(config({ 'generic-host-key': `${KEY} comment` })['hostKey'], KEY)
  t.equal(config({ 'generic-host-key': `${PRINT}=` })['hostKey'], PRINT)
  t.equal(config({ 'generic-host-key': join(dir, 'key.pub') })['hostKey'], KEY)
  t.equal(config({ 'generic-host-key': join(dir, 'known') })['hostKey'], `${KEY}\n${PRINT}`)
  for (const [name, text] of [
    ['empty', /holds no host key/],
    ['private', /private key/],
    ['gone', /ENOENT.*public key line/],
  ] as const)
    t.match(
      parse({ 'generic-ip-address': 'h', 'generic-host-key': join(dir, name) }),
      { ok: false, faults: [text] },
      name,
    )
  t.match(
    parse({ 'generic-ip-address': 'h', 'generic-host-key': `ssh-rsa ${BLOB}` }),
    { ok: false },
    'type and blob disagree',
  )
})

t.test('login tells what the user said of user, key and host key', async (t) => {
  t.strictSame(factory.login?.(config({})), { user: 'root', trustFirstUse: false })
  t.strictSame(
    factory.login?.(
      config({ 'generic-ssh-key': '/k', 'generic-host-key': KEY, 'generic-trust-first-use': true }),
    ),
    {
      user: 'root',
      keyPath: '/k',
      hostKey: KEY,
      trustFirstUse: true,
    },
  )
})

t.test(
  'preflight finds a missing key, a public key given for a private one, and an unknown host',
  async (t) => {
    const driver = await factory.open({ clock: systemClock } as never)
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const dir = t.testdir({ 'id.pub': KEY, id: pem })
    const preflight = async (given: FlagValues): Promise<readonly { message: string }[]> =>
      await driver.preflight(
        { machine: machine({}), config: config(given), resources: [], sshUser: 'root', tags: {} },
        new AbortController().signal,
      )
    t.strictSame(await preflight({ 'generic-ssh-key': join(dir, 'id') }), [])
    t.match(await preflight({ 'generic-ssh-key': join(dir, 'gone') }), [
      { message: `SSH key does not exist: "${dir}/gone"` },
    ])
    t.match(await preflight({ 'generic-ssh-key': join(dir, 'id.pub') }), [
      { message: /not a private SSH key/, hint: /--generic-ssh-key .*\/id$/ },
    ])
    t.match(await preflight({ 'generic-ip-address': 'no-such-host.invalid' }), [
      { message: /no-such-host.invalid/ },
    ])
  },
)

t.test('its record has the shape of docker-machine, and changes made there come back', async (t) => {
  const ours = config({ 'generic-ssh-key': '/k', 'generic-engine-port': 99, 'generic-host-key': KEY })
  t.strictSame(factory.record.toFields(ours, []), {
    IPAddress: ours['ipAddress'] ?? '',
    SSHUser: 'root',
    SSHPort: 22,
    EnginePort: 99,
    SSHKey: '/k',
  })
  const base = { IPAddress: '10.9.9.9', SSHUser: 'bob', SSHPort: 2222, EnginePort: 99, SSHKey: '/k' }
  t.match(factory.record.fromFields(base, { config: ours, resources: [] }).config, {
    ipAddress: '10.9.9.9',
    sshUser: 'bob',
    sshPort: 2222,
    hostKey: KEY,
    trustFirstUse: false,
  })
  t.match(
    factory.record.fromFields(base).config,
    { hostKey: '', trustFirstUse: true },
    'a record that only docker-machine knows',
  )
})

t.test('states come from one TCP connect each, together and within a deadline', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const up = config({ 'generic-ip-address': '127.0.0.1', 'generic-ssh-port': port })
  const closed = config({ 'generic-ip-address': '127.0.0.1', 'generic-ssh-port': 1 })
  const unknown = config({ 'generic-ip-address': 'no-such-host.invalid' })
  const driver = await factory.open({ clock: systemClock } as never)
  const reports = await driver.states(
    [machine(up, 'a'), machine(closed, 'b'), machine(unknown, 'c')],
    new AbortController().signal,
  )
  t.match(reports, [
    { id: 'a', state: 'Running' },
    { id: 'b', state: 'Stopped' },
    { id: 'c', state: 'Stopped', error: /no-such-host/ },
  ])
  t.match(driver.endpoint(machine(up)), {
    address: '127.0.0.1',
    ssh: { port, user: 'root' },
    enginePort: 2376,
    sans: ['127.0.0.1'],
  })
})

t.test(
  'hosts that are silent cost one deadline together, and none that answers is lost behind them',
  async (t) => {
    for (const silent of [1, 300]) {
      const clock = new HandClock()
      let [open, peak] = [0, 0]
      const reach = async ({ host }: Port, signal: AbortSignal): Promise<Reached> => {
        peak = Math.max(peak, ++open)
        await clock.sleep(host === 'up' ? 30 : 3_600_000, signal).finally(() => open--)
        return { state: 'Running' }
      }
      const hosts = [...Array.from({ length: silent }, () => 'silent'), 'up']
      const { signal } = new AbortController()
      const asked = reachAll(
        hosts.map((host) => ({ host, port: 22 })),
        { clock, signal },
        reach,
      )
      await clock.runUntil(asked)
      const states = (await asked).map(({ state }) => state)
      t.same(states, [...Array.from({ length: silent }, () => 'Stopped'), 'Running'])
      t.equal(clock.monotonicMs(), 5_000)
      t.ok(peak <= 64)
    }
  },
)

t.test('a connect ends at an abort', async (t) => {
  const port = { host: '127.0.0.1', port: 1 }
  const aborted = AbortSignal.abort(new Error('enough'))
  await t.rejects(connects(port, aborted), /enough/)
  await t.rejects(reachAll([port], { clock: systemClock, signal: aborted }), /enough/)
  const stop = new AbortController()
  const silent = reachAll([port], { clock: systemClock, signal: stop.signal }, (_port, signal) =>
    systemClock.sleep(3_600_000, signal).then(() => ({ state: 'Running' })),
  )
  stop.abort(new Error('enough'))
  await t.rejects(silent, /enough/)
})

t.test('an abort is heard while the key file does not answer', async (t) => {
  const fifo = join(scratchDir(t), 'key')
  await runChecked('driver', 'mkfifo', [fifo])
  const driver = await factory.open({ clock: systemClock } as DriverDeps)
  const stop = new AbortController()
  const spec = { machine: machine({}), config: config({ 'generic-ssh-key': fifo }) } as unknown as MachineSpec
  const looking = driver.preflight(spec, stop.signal)
  stop.abort(new Error('Ctrl-C'))
  // What reads it must have opened it before it can be let go.
  t.teardown(() => {
    closeSync(openSync(fifo, 'w'))
  })
  await t.rejects(
    withDeadline('the abort to be heard', 10_000, () => looking),
    { message: 'Ctrl-C' },
  )
})
