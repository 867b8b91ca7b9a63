/** A store that docker-machine left behind, and the real program with a real sshd: nothing here was made by us. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Store } from '../../src/store/store.js'
import { TestUser } from '../helpers/cli.js'
import { driverRecord } from '../helpers/records.js'
import { makeKey, startSshd } from '../helpers/sshd.js'

type Fields = Record<string, unknown>

const user = new TestUser()
t.teardown(() => user.cleanUp())
const ODD_NAME = 'Old VM_1 (copy)'

const dirOf = (name: string): string => join(user.store, 'machines', name)
const fileOf = (name: string, file = 'config.json'): string => readFileSync(join(dirOf(name), file), 'utf8')

function place(name: string, record: object | string): void {
  mkdirSync(dirOf(name), { recursive: true, mode: 0o700 })
  const text = typeof record === 'string' ? record : JSON.stringify(record, null, 4)
  writeFileSync(join(dirOf(name), 'config.json'), text, { mode: 0o600 })
}

mkdirSync(dirOf('box'), { recursive: true })
const key = makeKey(join(dirOf('box'), 'id_rsa'), 'rsa', ['-N', '', '-m', 'PEM'])
const server = await startSshd({ hostKeys: ['ed25519'], authorized: [key] })
t.teardown(() => server.stop())

/** docker-machine 0.2 on a laptop: version 1, SSH through a forwarded port. */
const BOX: Fields = {
  ConfigVersion: 1,
  Driver: {
    IPAddress: '192.168.99.100',
    SSHUser: server.user,
    SSHPort: server.port,
    MachineName: 'box',
    CPU: 1,
    Memory: 1024,
  },
  DriverName: 'virtualbox',
  HostOptions: {
    EngineOptions: { Labels: ['zone=a'], TlsVerify: true, InstallURL: 'https://get.docker.com' },
    SwarmOptions: {},
    AuthOptions: { StorePath: '', PrivateKeyPath: '/home/alice/.docker/machine/certs/ca-key.pem' },
  },
  StorePath: '/home/alice/.docker/machine/machines/box',
}
place('box', BOX)
place('aws', driverRecord('openstack').replaceAll('"web"', '"aws"'))
place('future', { ...BOX, ConfigVersion: 4 })
place(ODD_NAME, driverRecord('none').replaceAll('plain', ODD_NAME))
mkdirSync(dirOf('bare'))

const filesBefore = readdirSync(user.store, { recursive: true }).sort()

t.test('everything is listed, and reading writes nothing', async (t) => {
  const { code, stdout } = await user.tsmachine(['ls', '-t', '2'])
  t.equal(code, 0)
  const row = (name: string): string => stdout.split('\n').find((line) => line.startsWith(name)) ?? ''
  t.match(
    row('aws'),
    /^aws +- +openstack +Error +tcp:\/\/192\.0\.2\.17:2376 .*driver not here: Driver "openstack"/,
  )
  t.match(row('box'), /^box +- +virtualbox +Error +tcp:\/\/192\.168\.99\.100:2376 .*driver not here/)
  t.match(row('future'), /not found +Error .*config version is from the future/)
  t.match(row('bare'), /not found +Error .*config\.json is missing/)
  t.match(row(ODD_NAME), / none +Running +tcp:\/\/192\.0\.2\.10:2376/)
  t.equal((await user.ok(['ip', 'aws', 'box', ODD_NAME])).trim(), '192.0.2.17\n192.168.99.100\n192.0.2.10')
  t.equal((await user.ok(['url', 'box'])).trim(), 'tcp://192.168.99.100:2376')
  t.match(await user.ok(['env', 'aws']), /DOCKER_HOST="tcp:\/\/192\.0\.2\.17:2376"/)
  t.strictSame(readdirSync(user.store, { recursive: true }).sort(), filesBefore)
  t.strictSame(JSON.parse(fileOf('box')), BOX)
})

t.test('inspect needs no network, no lock and no helper, and shows no secret', async (t) => {
  const lock = await new Store(user.store).lock('aws', 'keep it')
  const text = await user.ok(['inspect', 'aws'], { limitMs: 20_000 })
  await lock.release()
  t.match(JSON.parse(text), {
    DriverName: 'openstack',
    Driver: { KeyPairName: 'web-0123', Password: '[secret]', UserData: '[secret]' },
  })
  t.notMatch(text, /dummy-password|ZHVtbXk=/)
  t.equal(
    (await user.ok(['inspect', '-f', '{{.HostOptions.AuthOptions.CertDir}}', 'box'])).trim(),
    join(user.store, 'certs'),
  )
})

t.test(
  'ssh works from the record alone: the first key is pinned with one warning, the old text is kept',
  async (t) => {
    const first = await user.tsmachine(['ssh', 'box', 'echo', 'hello'])
    t.match(first, { code: 0, stdout: 'hello\n', stderr: /Host key of box accepted at first sight/ })
    t.match(await user.tsmachine(['ssh', 'box', 'echo', 'again']), { code: 0, stdout: 'again\n', stderr: '' })
    t.strictSame(JSON.parse(fileOf('box', 'config.json.bak')), BOX)
    const written = JSON.parse(fileOf('box')) as { Driver: Fields }
    t.match(written, {
      ConfigVersion: 3,
      Driver: { StorePath: user.store, SSHPort: server.port, Memory: 1024 },
      HostOptions: { AuthOptions: { CertDir: join(user.store, 'certs'), StorePath: dirOf('box') } },
    })
    t.match(JSON.parse(fileOf('box', 'tsmachine.json')), {
      hostKeys: { source: 'first-use', current: server.hostKeys[0] },
      driver: { name: 'virtualbox', config: {}, unread: true },
    })
  },
)

t.test(
  'after docker-machine has written the record again, the pin is there and its change is taken',
  async (t) => {
    const record = JSON.parse(fileOf('box')) as { Driver: Fields }
    place('box', { ...record, Driver: { ...record.Driver, IPAddress: '192.168.99.101' } })
    t.equal((await user.ok(['ip', 'box'])).trim(), '192.168.99.101')
    t.match(await user.tsmachine(['ssh', 'box', 'true']), { code: 0, stderr: '' })
  },
)

t.test('a wrong host key is refused', async (t) => {
  const ledger = JSON.parse(fileOf('box', 'tsmachine.json')) as { hostKeys: Fields }
  const other = makeKey(join(user.home, 'other'), 'ed25519').split(' ').slice(0, 2).join(' ')
  const pinned = { ...ledger, hostKeys: { ...ledger.hostKeys, current: other } }
  writeFileSync(join(dirOf('box'), 'tsmachine.json'), JSON.stringify(pinned))
  t.not((await user.tsmachine(['ssh', 'box', 'true'])).code, 0)
})

t.test('verbs of the provider are refused; rm -f lets go of the record and says what stays', async (t) => {
  for (const verb of ['start', 'stop', 'kill', 'restart', 'status', 'rm']) {
    const { code, stderr } = await user.tsmachine([verb, ...(verb === 'rm' ? ['-y'] : []), 'aws'])
    t.equal(code, 1, verb)
    t.match(stderr, /driver not here: Driver "openstack" not found/, verb)
    t.match(stderr, /at its provider/, verb)
  }
  t.ok(existsSync(dirOf('aws')))
  const { code, stderr } = await user.tsmachine(['rm', '-f', 'aws'])
  t.equal(code, 0)
  t.match(stderr, /MachineId 00000000-0000-4000-8000-000000000017, Region RegionOne/)
  t.notOk(existsSync(dirOf('aws')))
  t.match(await user.ok(['doctor']).catch(String), /removed machine aws/)
})

t.test('what cannot be read blocks its name and goes with rm -f', async (t) => {
  for (const name of ['bare', 'future']) {
    const made = await user.tsmachine(['create', '-d', 'none', '--url', 'tcp://192.0.2.1:2376', name])
    t.match(made, { code: 1, stderr: /already exists/ })
    t.not((await user.tsmachine(['rm', '-y', name])).code, 0)
    t.equal((await user.tsmachine(['rm', '-f', name])).code, 0)
    t.notOk(existsSync(dirOf(name)))
  }
  await user.ok(['rm', '-y', ODD_NAME])
  t.notOk(existsSync(dirOf(ODD_NAME)))
})
