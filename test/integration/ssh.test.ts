import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { isMachineError } from '../../src/contracts/errors.js'
import { probeBanner } from '../../src/ssh/banner.js'
import { connect, openClient } from '../../src/ssh/connect.js'
import { isRetryableSsh, SshError } from '../../src/ssh/errors.js'
import { fingerprint } from '../../src/ssh/host-key.js'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { keysFromKnownHosts } from '../../src/ssh/known-hosts.js'
import { SshShell } from '../../src/ssh/shell.js'
import { retry, waitFor } from '../../src/util/wait.js'
import { FaultyLine } from '../helpers/faulty-line.js'
import { freePort, makeKey, startSshd, type KeyType } from '../helpers/sshd.js'

const dir = mkdtempSync(join(tmpdir(), 'tsm-ssh-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

const pair = generateKeyPair('tsmachine test')
const keyPath = join(dir, 'id_rsa')
writeFileSync(keyPath, pair.privatePem, { mode: 0o600 })
const userKeys = (['rsa', 'ecdsa'] as KeyType[]).map((type) => makeKey(join(dir, `user_${type}`), type))
const locked = makeKey(join(dir, 'locked'), 'ed25519', ['-N', 'open sesame'])
execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-m', 'PKCS8', '-f', join(dir, 'pkcs8'), '-N', ''])
execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-m', 'PEM', '-f', join(dir, 'pkcs1'), '-N', ''])
const pems = ['pkcs8', 'pkcs1'].map((name) => readFileSync(join(dir, `${name}.pub`), 'utf8').trim())

const server = await startSshd({
  hostKeys: ['rsa', 'ecdsa', 'ed25519'],
  authorized: [pair.publicLine, ...userKeys, locked, ...pems],
  config: ['AcceptEnv TSM_*'],
})
t.teardown(() => server.stop())
const [rsaHost = '', ecdsaHost = '', edHost = ''] = server.hostKeys
const pins = { keys: [edHost] }
const login = { privateKeyPath: keyPath, pins }

async function failure(work: Promise<unknown>): Promise<SshError> {
  try {
    await work
  } catch (error) {
    if (error instanceof SshError) return error
    throw error
  }
  throw new Error('it did not fail')
}

t.test('ssh-keygen reads the private key that we write and gives the same public line', async (t) => {
  const line = execFileSync('ssh-keygen', ['-y', '-f', keyPath], { encoding: 'utf8' }).trim()
  t.equal(line, pair.publicLine)
})

t.test('a command gives its status, both streams and one round trip', async (t) => {
  const shell = await connect(server, login)
  t.equal(shell.hostKey, edHost)
  const result = await shell.exec('echo out; echo err >&2; exit 7')
  t.same(result, { code: 7, stdout: 'out\n', stderr: 'err\n' })
  t.equal(shell.roundTrips, 1)
  const killed = await shell.exec('kill -TERM $$')
  t.equal(killed.code, null)
  t.match(killed.signal, /TERM/)
  shell.close()
  const late = await failure(shell.exec('true'))
  t.equal(late.reason, 'reset')
})

t.test('a host that allows one session at a time runs command after command', async (t) => {
  const strict = await startSshd({ authorized: [pair.publicLine], config: ['MaxSessions 1'] })
  t.teardown(() => strict.stop())
  const shell = await connect(strict, { ...login, pins: { keys: strict.hostKeys } })
  for (const word of ['one', 'two', 'three']) t.equal((await shell.exec(`echo ${word}`)).stdout, `${word}\n`)
  const long = shell.exec('cat', { stdin: new PassThrough() })
  t.match(await failure(shell.exec('true')), { reason: 'protocol', message: /did not start a command/ })
  shell.close()
  await t.rejects(long)
})

t.test('every kind of host key can be the pinned one, whatever the server would choose', async (t) => {
  for (const key of [rsaHost, ecdsaHost, edHost]) {
    const shell = await connect(server, { privateKeyPath: keyPath, pins: { keys: [key] } })
    t.equal(shell.hostKey, key)
    shell.close()
  }
})

t.test('a wrong host key is refused with both fingerprints, and no command can run', async (t) => {
  const other = makeKey(join(dir, 'other_host'), 'ed25519')
  const error = await failure(connect(server, { privateKeyPath: keyPath, pins: { keys: [other] } }))
  t.equal(error.code, 'host-key')
  t.equal(error.retryable, false)
  t.match(error.message, fingerprint(other))
  t.match(error.message, fingerprint(edHost))
  t.match(error.message, /IS NOT THE PINNED ONE/)
})

t.test('a pinned key of a type that the server does not have is refused as a wrong key', async (t) => {
  const only = await startSshd({ hostKeys: ['ecdsa'], authorized: [pair.publicLine] })
  const error = await failure(connect(only, login))
  await only.stop()
  t.equal(error.code, 'host-key')
  t.match(error.message, fingerprint(only.hostKeys[0] ?? ''))
})

t.test('with two pins (a rotation under way) either key is accepted', async (t) => {
  const other = makeKey(join(dir, 'next_host'), 'ed25519')
  for (const keys of [
    [edHost, other],
    [other, edHost],
  ]) {
    const shell = await connect(server, { privateKeyPath: keyPath, pins: { keys } })
    t.equal(shell.hostKey, edHost)
    shell.close()
  }
})

t.test('without a pin nothing is accepted unless first use is allowed, and its answer decides', async (t) => {
  const none = await failure(connect(server, { privateKeyPath: keyPath, pins: { keys: [] } }))
  t.equal(none.code, 'host-key')
  const seen: string[] = []
  const refuse = (key: string): boolean => seen.push(key) < 0
  const refused = await failure(
    connect(server, { privateKeyPath: keyPath, pins: { keys: [], firstUse: refuse } }),
  )
  t.equal(refused.code, 'host-key')
  const accept = (key: string): boolean => seen.push(key) > 0
  const shell = await connect(server, { privateKeyPath: keyPath, pins: { keys: [], firstUse: accept } })
  t.same(seen, [shell.hostKey, shell.hostKey])
  shell.close()
})

t.test('first use is never asked when a pin exists', async (t) => {
  const other = makeKey(join(dir, 'third_host'), 'ed25519')
  const firstUse = (): boolean => true
  const error = await failure(connect(server, { privateKeyPath: keyPath, pins: { keys: [other], firstUse } }))
  t.equal(error.code, 'host-key')
})

t.test('stdin streams in, output streams out line by line, big data arrives whole', async (t) => {
  const shell = await connect(server, login)
  const big = Buffer.alloc(3_000_000, 'x')
  t.equal((await shell.exec('wc -c', { stdin: big })).stdout.trim(), '3000000')
  const lines: string[] = []
  const echo = await shell.exec('cat; printf last >&2', {
    stdin: Readable.from(['one\ntw', 'o\n', 'three']),
    onStdoutLine: (line) => lines.push(line),
    onStderrLine: (line) => lines.push(`E ${line}`),
  })
  t.same(lines.sort(), ['E last', 'one', 'three', 'two'])
  t.equal(echo.stdout, 'one\ntwo\nthree')
  const early = await shell.exec('head -c 1', { stdin: big })
  t.equal(early.code, 0, 'a command that does not read all its input is no failure')
  let sawFirst = 0
  const slow = shell.exec('echo first; sleep 0.3; echo second', {
    onStdoutLine: () => (sawFirst ||= Date.now()),
  })
  await slow
  t.ok(Date.now() - sawFirst >= 200, 'the first line came while the command still ran')
  shell.close()
})

t.test('a deadline ends a command with its last line, an abort with its own reason', async (t) => {
  const shell = await connect(server, login)
  try {
    await shell.exec('echo half way; sleep 30', { deadlineMs: 2_000 })
    t.fail('it ended')
  } catch (error) {
    t.ok(isMachineError(error) && error.code === 'timeout')
    t.match(String(error), /"echo".*half way/)
  }
  const stop = new AbortController()
  const running = shell.exec('sleep 30', { signal: stop.signal })
  setTimeout(() => stop.abort(new Error('Ctrl-C')), 100)
  await t.rejects(running, { message: 'Ctrl-C' })
  t.equal((await shell.exec('echo alive')).stdout, 'alive\n', 'the connection survives both')
  shell.close()
})

t.test('a connection that breaks during a command is a retryable loss, not a result', async (t) => {
  const own = await startSshd({ authorized: [pair.publicLine] })
  const shell = await connect(own, { privateKeyPath: keyPath, pins: { keys: own.hostKeys } })
  const error = await failure(shell.exec('kill -9 $PPID; sleep 5'))
  t.equal(error.reason, 'reset')
  t.equal(error.retryable, true)
  await own.stop()
})

t.test('a connection that ends while a command is begun is lost, not refused', async (t) => {
  const line = new FaultyLine()
  t.teardown(() => line.close())
  const shell = await connect({ ...server, port: await line.to(server.port) }, login)
  line.set({ kind: 'cut', at: 0, way: 'down', by: 'end', later: 'works' })
  const error = await failure(shell.exec('true'))
  t.match(error, { reason: 'reset', retryable: true, message: /^Lost the SSH connection/ })
  const { client, hostKey } = await openClient(server, login)
  const ending = new SshShell(client, server, hostKey)
  client.end()
  t.match(await failure(ending.exec('true')), { reason: 'reset', retryable: true })
})

t.test("user's RSA and ECDSA keys, PKCS#1 and PKCS#8 files log in", async (t) => {
  for (const name of ['user_rsa', 'user_ecdsa', 'pkcs1', 'pkcs8']) {
    const shell = await connect(server, { privateKeyPath: join(dir, name), pins })
    t.equal((await shell.exec('echo hi')).stdout, 'hi\n', name)
    shell.close()
  }
})

t.test('key files that cannot be used are told apart', async (t) => {
  const missing = await failure(connect(server, { privateKeyPath: join(dir, 'gone'), pins }))
  t.equal(missing.reason, 'key-file')
  t.match(missing.message, /gone does not exist/)
  const encrypted = await failure(connect(server, { privateKeyPath: join(dir, 'locked'), pins }))
  t.match(encrypted.message, /passphrase/)
  t.match(encrypted.hints[0], /ssh-add/)
  writeFileSync(join(dir, 'noise'), 'not a key')
  t.match(
    (await failure(connect(server, { privateKeyPath: join(dir, 'noise'), pins }))).message,
    /not an SSH private/,
  )
  t.match((await failure(connect(server, { pins }))).message, /no SSH key/)
})

t.test('an agent logs in when there is no key file, or only an encrypted one', async (t) => {
  const agent = join(dir, 'agent.sock')
  const program = spawn('ssh-agent', ['-D', '-a', agent], { stdio: 'ignore' })
  t.teardown(() => program.kill())
  const env = { ...process.env, SSH_AUTH_SOCK: agent }
  await waitFor('ssh-agent', async () => (statSync(agent).isSocket() ? true : undefined), {
    deadlineMs: 5_000,
  })
  const empty = await failure(connect(server, { agent, pins }))
  t.equal(empty.reason, 'auth')
  execFileSync('ssh-add', ['-q', join(dir, 'user_rsa')], { env, stdio: 'ignore' })
  for (const options of [{ agent }, { agent, privateKeyPath: join(dir, 'locked') }]) {
    const shell = await connect(server, { ...options, pins })
    t.equal((await shell.exec('echo hi')).stdout, 'hi\n')
    shell.close()
  }
  const dead = await failure(connect(server, { agent: join(dir, 'no.sock'), pins }))
  t.match(dead.message, /refused our key \(SSH agent: /)
})

t.test('a refused key is final and names the user; the server banner is the evidence', async (t) => {
  writeFileSync(join(dir, 'banner'), 'Authorised staff only\n')
  const strict = await startSshd({ config: [`Banner ${join(dir, 'banner')}`] })
  const error = await failure(connect(strict, { privateKeyPath: keyPath, pins: { keys: strict.hostKeys } }))
  await strict.stop()
  t.equal(error.reason, 'auth')
  t.equal(error.retryable, false)
  t.match(error.message, new RegExp(`${server.user}@127.0.0.1:${strict.port} refused our key`))
  t.match(error.evidence, /SSH-2\.0-OpenSSH/)
  t.match(error.evidence, /Authorised staff only/)
})

t.test(
  'refused, reset, silent and foreign servers are told apart; only the passing ones are retryable',
  async (t) => {
    const closed = { host: '127.0.0.1', port: await freePort(), user: 'u' }
    const refused = await failure(connect(closed, login))
    t.same([refused.reason, refused.retryable], ['refused', true])
    t.same(
      (await failure(probeBanner(closed.host, closed.port, AbortSignal.timeout(5_000)))).reason,
      'refused',
    )

    const sockets = new Set<{ destroy(): void }>()
    const speak = async (
      greeting: string | undefined,
    ): Promise<{ host: string; port: number; user: string }> => {
      const fake = createServer((socket) => {
        sockets.add(socket)
        socket.on('error', () => undefined)
        if (greeting === undefined) socket.end()
        else if (greeting) socket.write(greeting)
      }).listen(0, '127.0.0.1')
      t.teardown(() => fake.close())
      await once(fake, 'listening')
      return { host: '127.0.0.1', port: (fake.address() as AddressInfo).port, user: 'u' }
    }
    t.teardown(() => sockets.forEach((socket) => socket.destroy()))

    const dropping = await speak(undefined)
    const reset = await failure(connect(dropping, login))
    t.same([reset.reason, reset.retryable], ['reset', true])
    t.same(
      (await failure(probeBanner(dropping.host, dropping.port, AbortSignal.timeout(5_000)))).reason,
      'reset',
    )

    const silent = await failure(connect(await speak(''), { ...login, readyTimeoutMs: 200 }))
    t.same([silent.reason, silent.retryable], ['timeout', true])
    t.match(silent.message, /no SSH server answered within 0\.2 s/)

    const stuck = await failure(
      connect(await speak('SSH-2.0-stuck\r\n'), { ...login, readyTimeoutMs: 1_500 }),
    )
    t.match(stuck.message, /handshake did not end/)
    t.match(stuck.evidence, /SSH-2\.0-stuck/)

    const web = await speak(`HTTP/1.1 400 Bad Request\r\n${'x'.repeat(9_000)}`)
    t.equal((await failure(probeBanner(web.host, web.port, AbortSignal.timeout(5_000)))).reason, 'protocol')

    const stop = new AbortController()
    setTimeout(() => stop.abort(new Error('Ctrl-C')), 50)
    await t.rejects(connect(await speak(''), { ...login, signal: stop.signal }), { message: 'Ctrl-C' })

    // The abort comes while the key is read, so before anybody listens for one on the connection.
    const early = new AbortController()
    const begun = connect(await speak(''), { ...login, signal: early.signal })
    early.abort(new Error('Ctrl-C'))
    await t.rejects(begun, { message: 'Ctrl-C' })
  },
)

t.test('the banner probe gives the identification line', async (t) => {
  t.match(await probeBanner('127.0.0.1', server.port, AbortSignal.timeout(5_000)), /^SSH-2\.0-OpenSSH/)
})

t.test('known_hosts written by ssh-keyscan and hashed by ssh-keygen give the same keys', async (t) => {
  const scan = execFileSync('ssh-keyscan', ['-p', String(server.port), '127.0.0.1'], {
    encoding: 'utf8',
    stdio: 'pipe',
  })
  t.same(keysFromKnownHosts(scan, '127.0.0.1', server.port).sort(), [...server.hostKeys].sort())
  t.same(keysFromKnownHosts(scan, '127.0.0.1', 22), [])
  const file = join(dir, 'hashed')
  writeFileSync(file, scan)
  execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' })
  const hashed = readFileSync(file, 'utf8')
  t.notMatch(hashed, /127\.0\.0\.1/)
  t.same(keysFromKnownHosts(hashed, '127.0.0.1', server.port).sort(), [...server.hostKeys].sort())
})

t.test('dropbear speaks with us as well: its key is pinned and its refusal understood', async (t) => {
  const hostKey = join(dir, 'dropbear_host')
  const made = execFileSync('dropbearkey', ['-t', 'ed25519', '-f', hostKey], {
    encoding: 'utf8',
    stdio: 'pipe',
  })
  const line = /^(ssh-ed25519 \S+)/m.exec(made)?.[1] ?? ''
  const port = await freePort()
  const program = spawn('dropbear', ['-F', '-E', '-s', '-r', hostKey, '-p', `127.0.0.1:${port}`], {
    stdio: 'ignore',
  })
  t.teardown(() => program.kill())
  const ident = await retry('dropbear', (signal) => probeBanner('127.0.0.1', port, signal), {
    deadlineMs: 10_000,
    isRetryable: isRetryableSsh,
  })
  t.match(ident, /^SSH-2\.0-dropbear/)
  const endpoint = { ...server, port }
  const auth = await failure(connect(endpoint, { privateKeyPath: keyPath, pins: { keys: [line] } }))
  t.equal(auth.reason, 'auth')
  t.equal((await failure(connect(endpoint, login))).reason, 'host-key')
})
