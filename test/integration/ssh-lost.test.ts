/** Hosts that are far, and hosts that vanish without a word while somebody works on them: no FIN and no RST ever comes. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { writeProgramConfig } from '../../src/ssh/client-config.js'
import { connect } from '../../src/ssh/connect.js'
import type { SshHost } from '../../src/ssh/host.js'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { ownCopy } from '../../src/ssh/own-copy.js'
import { runOwnSession } from '../../src/ssh/own-session.js'
import { sshOptions } from '../../src/ssh/program.js'
import { withDeadline } from '../../src/util/wait.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { connectionsTo } from '../helpers/far-host.js'
import { type Fault, FaultyLine } from '../helpers/faulty-line.js'
import { poll } from '../helpers/poll.js'
import { type SshdOptions, startSshd } from '../helpers/sshd.js'

/** Eight of these without an answer are the end. */
const KEEPALIVE_MS = 250
/** For that, on a computer that does much else. */
const PATIENCE_MS = 40_000
const GONE: Fault = { kind: 'stall', at: 0, way: 'down', later: 'works' }
const CUT: Fault = { kind: 'cut', at: 0, way: 'up', by: 'reset', later: 'works' }

t.setTimeout(180_000)

async function bench(t: Test, options: SshdOptions = {}) {
  const dir = scratchDir(t)
  const pair = generateKeyPair('test')
  const keyPath = join(dir, 'id')
  writeFileSync(keyPath, pair.privatePem, { mode: 0o600 })
  const sshd = await startSshd({ ...options, authorized: [pair.publicLine] })
  t.teardown(() => sshd.stop())
  const line = new FaultyLine()
  t.teardown(() => line.close())
  const endpoint = { host: '127.0.0.1', port: await line.to(sshd.port), user: sshd.user }
  const pins = { keys: sshd.hostKeys }
  const host: SshHost = { name: 'far', endpoint, pins, keyPath, dir }
  return { dir, line, host, login: { privateKeyPath: keyPath, pins, keepaliveMs: KEEPALIVE_MS } }
}

async function nobodyHolds({ endpoint }: SshHost): Promise<void> {
  await poll(PATIENCE_MS, () => Promise.resolve(connectionsTo([endpoint.port]) === 0))
}

t.test('a command without a deadline ends when its host is gone, and the next one works', async (t) => {
  const { line, host, login } = await bench(t)
  const shell = await connect(host.endpoint, login)
  const onStdoutLine = (): void => line.set(GONE)
  await t.rejects(shell.exec('echo up; sleep 600', { onStdoutLine }), {
    reason: 'reset',
    retryable: true,
    message: /^Lost the SSH connection to .*: Keepalive timeout/,
  })
  await nobodyHolds(host)
  line.set()
  const again = await connect(host.endpoint, login)
  t.match(await again.exec('echo back'), { code: 0, stdout: 'back\n' })
  again.close()
})

t.test('a far host is waited for as long as it goes forward', async (t) => {
  const { line, host, login } = await bench(t)
  line.set({ kind: 'late', delayMs: 200 })
  const began = performance.now()
  const readyTimeoutMs = 1_800
  const shell = await connect(host.endpoint, { ...login, readyTimeoutMs, keepaliveMs: 15_000 })
  t.ok(performance.now() - began > readyTimeoutMs, 'its round trips take longer than one step may')
  shell.close()
})

t.test('a host that only ever says a word more is given up', async (t) => {
  const timers = new Set<NodeJS.Timeout>()
  const talker = createServer((socket) => {
    socket.on('error', () => undefined).resume()
    timers.add(setInterval(() => void (socket.destroyed || socket.write('wait\r\n')), 50))
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    timers.forEach(clearInterval)
    talker.close()
  })
  await once(talker, 'listening')
  const { host, login } = await bench(t)
  const endpoint = { ...host.endpoint, port: (talker.address() as AddressInfo).port }
  await t.rejects(connect(endpoint, { ...login, readyTimeoutMs: 300 }), {
    reason: 'timeout',
    message: /did not end/,
  })
})

for (const [what, fault] of [
  ['is gone', GONE],
  ['ends the connection', CUT],
] as const)
  t.test(`a session of our own client whose host ${what} says so, with ssh's status`, async (t) => {
    const { dir, line, host } = await bench(t)
    const begun = join(dir, 'begun')
    const session = runOwnSession(host, {
      command: `touch ${begun}; sleep 600`,
      input: false,
      terminal: 'never',
      keepaliveMs: KEEPALIVE_MS,
    })
    const lost = t.rejects(session, {
      code: 'ssh',
      exitCode: 255,
      message: /^Lost the SSH connection to /,
    })
    await poll(PATIENCE_MS, () => Promise.resolve(existsSync(begun)))
    line.set(fault)
    await lost
    await nobodyHolds(host)
  })

t.test('Ctrl-C ends a session of our own client though its host is gone', async (t) => {
  const { dir, line, host } = await bench(t)
  const begun = join(dir, 'begun')
  const stop = new AbortController()
  const session = runOwnSession(host, {
    ...{ command: `touch ${begun}; sleep 600`, input: false, terminal: 'never' },
    signal: stop.signal,
  })
  await poll(PATIENCE_MS, () => Promise.resolve(existsSync(begun)))
  line.set({ ...GONE, way: 'up' })
  stop.abort(new Error('Ctrl-C'))
  t.equal(await withDeadline('the session', PATIENCE_MS, () => session), 255)
})

t.test('Ctrl-C ends a copy of our own client though the host has begun it and says nothing', async (t) => {
  const { dir, host } = await bench(t, { sftpDir: null, config: ['Subsystem sftp /bin/sleep 60'] })
  const stop = new AbortController()
  const options = { recursive: false, signal: stop.signal }
  const copy = ownCopy({ path: join(dir, 'id') }, { host, path: 'id' }, options, 100)
  await poll(PATIENCE_MS, () => Promise.resolve(connectionsTo([host.endpoint.port]) === 1))
  setTimeout(() => stop.abort(new Error('Ctrl-C')), 500)
  await t.rejects(
    withDeadline('the copy', PATIENCE_MS, () => copy),
    { message: 'Ctrl-C' },
  )
})

t.test('ssh, scp, rsync and sshfs ask a silent host whether it is there, and a jump host too', async (t) => {
  const { dir, host } = await bench(t)
  const jump = { host: '127.0.0.1', port: 22, user: 'nobody', sshDir: dir }
  const configPath = join(dir, 'config')
  await writeProgramConfig(configPath, [{ ...host, endpoint: { ...host.endpoint, jump } }])
  const plain = sshOptions({ knownHostsPath: join(dir, 'known_hosts') })
  for (const words of [
    [...plain, '127.0.0.1'],
    ['-F', configPath, 'far'],
    ['-F', configPath, 'tsmachine+nobody+127.0.0.1+22'],
  ])
    t.strictSame(settings(words), ['connecttimeout 20', 'serveralivecountmax 3', 'serveraliveinterval 60'])
})

function settings(words: readonly string[]): readonly string[] {
  const all = execFileSync('ssh', ['-G', ...words], { encoding: 'utf8' }).split('\n')
  return all.filter((row) => /^(connecttimeout|serveralive)/.test(row)).sort()
}
