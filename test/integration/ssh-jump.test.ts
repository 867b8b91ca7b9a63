/** `--ssh-jump`: both clients reach a host through another one, whose key the user's own known_hosts must have. */
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { JumpHost, SshEndpoint } from '../../src/contracts/ssh.js'
import { connect, probeSsh } from '../../src/ssh/connect.js'
import { jumpWord, parseJump } from '../../src/ssh/jump.js'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { createMachine } from '../../src/machine/create.js'
import { factory as fake } from '../doubles/fake-driver/index.js'
import { TestUser } from '../helpers/cli.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { fakeFlags } from '../helpers/hosted-driver.js'
import { machineContext } from '../helpers/machine-context.js'
import { machineOptions } from '../helpers/records.js'
import { startSshMachine } from '../helpers/ssh-machine.js'
import { freePort, type Sshd, startSshd } from '../helpers/sshd.js'

const me = new TestUser()
t.teardown(() => me.cleanUp())
const sshDir = join(me.home, '.ssh')
mkdirSync(sshDir, { mode: 0o700 })
const own = generateKeyPair('own')
writeFileSync(join(sshDir, 'id_ed25519'), own.privatePem, { mode: 0o600 })

const bastion = await startSshd({ authorized: [own.publicLine], config: ['AllowTcpForwarding yes'] })
const closed = await startSshd({ authorized: [own.publicLine], config: ['AllowTcpForwarding no'] })
const inside = await startSshMachine(me.store, 'inside', {
  sshJump: `${bastion.user}@${bastion.host}:${bastion.port}`,
})
for (const sshd of [bastion, closed, inside.sshd]) t.teardown(() => sshd.stop())

const jumpOf = ({ host, port, user }: Sshd): JumpHost => ({ host, port, user, sshDir })
const knownHosts = join(sshDir, 'known_hosts')
const know = (sshd: Sshd, key = sshd.hostKeys[0]) =>
  appendFileSync(knownHosts, `[${sshd.host}]:${sshd.port} ${key}\n`)
const through = (sshd: Sshd, more: Partial<SshEndpoint> = {}): SshEndpoint => {
  const { host, port, user } = inside.sshd
  return { host, port, user, jump: jumpOf(sshd), ...more }
}
const logins = () => bastion.log().match(/Accepted publickey/g)?.length ?? 0
const open = (endpoint: SshEndpoint, key = inside.sshd.hostKeys[0] ?? '') =>
  connect(endpoint, { privateKeyPath: inside.keyPath, pins: { keys: [key] } })

t.test('what the flag takes', (t) => {
  t.strictSame(parseJump('admin@bastion.example.org'), {
    user: 'admin',
    host: 'bastion.example.org',
    port: 22,
  })
  const jump = parseJump('a@[2001:db8::1]:2222')
  t.strictSame(jump, { user: 'a', host: '2001:db8::1', port: 2222 })
  t.equal(jumpWord({ ...jump, sshDir }), 'a@[2001:db8::1]:2222')
  for (const text of [
    '',
    'bastion',
    'a@',
    '@b',
    'a@b:0',
    'a@b:99999',
    'a@b,c@d',
    'a@-oProxyCommand=x',
    'a b@c',
    'a@b c',
  ])
    t.throws(() => parseJump(text), { code: 'usage', message: /USER@HOST/ }, text)
  t.end()
})

t.test('a jump host whose key nobody knows, or that shows another one, is not logged in to', async (t) => {
  await t.rejects(open(through(bastion)), {
    code: 'host-key',
    message: /The host key of the jump host .* is not known/,
    hints: [new RegExp(`ssh -p ${bastion.port} `)],
  })
  know(bastion, closed.hostKeys[0])
  await t.rejects(open(through(bastion)), {
    code: 'host-key',
    message: /^Jump host: THE HOST KEY OF/,
    retryable: false,
  })
  t.equal(logins(), 0)
  rmSync(knownHosts)
})

t.test('our own client goes through it, and the key of the host behind it stays pinned', async (t) => {
  know(bastion)
  know(closed)
  const signal = AbortSignal.timeout(20_000)
  t.match(await probeSsh(through(bastion), signal), /^SSH-2\.0-OpenSSH/)
  const shell = await open(through(bastion))
  t.match(await shell.exec('echo "$SSH_CONNECTION"'), {
    code: 0,
    stdout: new RegExp(` ${inside.sshd.port}\n$`),
  })
  shell.close()
  t.equal(logins(), 2)
  await t.rejects(open(through(bastion), closed.hostKeys[0]), {
    code: 'host-key',
    message: /^THE HOST KEY OF/,
  })
})

t.test('what the jump host cannot or will not do is told as its own', async (t) => {
  const nobody = through(bastion, { port: await freePort() })
  await t.rejects(open(nobody), {
    reason: 'refused',
    retryable: true,
    message: /^The jump host cannot connect to/,
  })
  await t.rejects(open(through(closed)), {
    reason: 'protocol',
    retryable: false,
    message: /lets nobody connect to/,
  })
  const gone = through({ ...bastion, port: await freePort() })
  appendFileSync(knownHosts, `[127.0.0.1]:${gone.jump?.port} ${bastion.hostKeys[0]}\n`)
  await t.rejects(open(gone), { reason: 'refused', retryable: true, message: /^Jump host: / })
  const other = generateKeyPair('other')
  writeFileSync(join(sshDir, 'id_ed25519'), other.privatePem, { mode: 0o600 })
  await t.rejects(open(through(bastion)), { reason: 'auth', message: /^Jump host: .* refused our key/ })
  writeFileSync(join(sshDir, 'id_ed25519'), own.privatePem, { mode: 0o600 })
})

t.test('ssh and scp go through it with either client', async (t) => {
  for (const native of [[], ['--native-ssh']]) {
    const before = logins()
    const run = (...words: string[]) => me.tsmachine([...native, ...words])
    t.match(await run('ssh', 'inside', 'echo', 'through'), { code: 0, stdout: 'through\n' })
    t.equal(logins(), before + 1, 'ssh')
    const target = join(me.home, 'copy')
    t.match(await run('scp', '-q', 'inside:/etc/hostname', target), { code: 0 })
    t.equal(logins(), before + 2, 'scp')
    t.equal(readFileSync(target, 'utf8'), readFileSync('/etc/hostname', 'utf8'))
    rmSync(target)
  }
  const entry = await me.ok(['ssh-config', 'inside'])
  t.match(entry, new RegExp(`^ {2}ProxyJump ${bastion.user}@127.0.0.1:${bastion.port}$`, 'm'))
})

t.test('the ssh program asks nobody about a jump host that is not known', async (t) => {
  rmSync(knownHosts)
  const before = logins()
  const outcome = await me.tsmachine(['ssh', 'inside', 'true'], { input: 'yes\n' })
  t.match(outcome, { code: 255, stderr: /Host key verification failed/ })
  t.equal(logins(), before)
})

t.test('a jump host is refused where there is no SSH, and a wrong one before anything is made', async (t) => {
  const ctx = machineContext({ dir: scratchDir(t), factories: { fake } })
  const create = (driver: string, sshJump: string) =>
    createMachine(ctx, {
      name: 'web',
      driver,
      flagValues: driver === 'none' ? { url: 'tcp://127.0.0.1:1' } : fakeFlags(ctx.store.root),
      options: { ...machineOptions(), sshJump },
    })
  await t.rejects(create('none', 'a@b'), { code: 'usage', message: /not reached over SSH/ })
  await t.rejects(create('fake', 'b'), { code: 'usage', message: /USER@HOST/ })
  t.strictSame(ctx.store.names(), [])
})
