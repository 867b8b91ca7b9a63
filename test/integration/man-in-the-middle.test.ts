/**
 * Somebody else answers at a machine's address: a real sshd with another host key, who would let us in and note what we say.
 * Every way to a machine, at every moment of a host key's life, must refuse before anything is sent.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isMachineError } from '../../src/contracts/errors.js'
import type { PinnedHostKeys } from '../../src/contracts/record.js'
import { factory as generic } from '../../src/drivers/generic/index.js'
import { copyFiles } from '../../src/machine/copy.js'
import type { MachineContext } from '../../src/machine/context.js'
import { machineLogs } from '../../src/machine/logs.js'
import { planMachine, provisionMachine } from '../../src/machine/provision.js'
import { renewNow } from '../../src/machine/renew-now.js'
import { restartMachine } from '../../src/machine/restart.js'
import { sshSession } from '../../src/machine/ssh.js'
import { planUpgrade, upgradeMachine } from '../../src/machine/upgrade.js'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { ensureCa } from '../../src/tls/authority.js'
import { copyClientFiles } from '../../src/tls/files.js'
import { findProgram } from '../../src/util/exec.js'
import { TestUser } from '../helpers/cli.js'
import { machineContext } from '../helpers/machine-context.js'
import { recordSshMachine } from '../helpers/ssh-machine.js'
import { freePort, type Sshd, startSshd, type SshdOptions } from '../helpers/sshd.js'

const me = new TestUser()
t.teardown(() => me.cleanUp())
const pair = generateKeyPair('web')
const heard = join(me.home, 'heard')
const note = join(me.home, 'note')
writeFileSync(note, `#!/bin/sh\necho "$SSH_ORIGINAL_COMMAND" >>'${heard}'\ncat >>'${heard}'\n`)
chmodSync(note, 0o755)
writeFileSync(join(me.home, 'secret'), 'what must not go out')

/** Who lets everybody in with our key, and keeps what is said. */
const impostorOptions: SshdOptions = {
  authorized: [pair.publicLine],
  config: [`ForceCommand ${note}`, 'PasswordAuthentication yes'],
}
const impostor = await startSshd(impostorOptions)
t.teardown(() => impostor.stop())
const [shown = ''] = impostor.hostKeys
const key = (): string => generateKeyPair('k').publicLine.split(' ').slice(0, 2).join(' ')

/** Moments in the life of a host key; the impostor's is never a pinned one. */
const MOMENTS: Readonly<Record<string, PinnedHostKeys>> = {
  'at first contact': { source: 'given', current: key(), rotated: false },
  'during rotation': { source: 'given', current: key(), next: key(), rotated: false },
  'after rotation': { source: 'given', current: key(), rotated: true },
}

async function machine(name: string, hostKeys: PinnedHostKeys, sshd: Sshd = impostor): Promise<void> {
  await recordSshMachine(me.store, name, sshd)
  writeFileSync(join(me.store, 'machines', name, 'id_rsa'), pair.privatePem, { mode: 0o600 })
  await context().store.update(name, generic.record, (ledger) => ({ ...ledger, hostKeys }))
}

function context(nativeSsh = true): MachineContext {
  const ctx = machineContext({ dir: me.home, env: { HOME: me.home } })
  return { ...ctx, nativeSsh }
}

const copy = { recursive: false, delta: false, quiet: true }
const secret = join(me.home, 'secret')

/** Every way that connects with our own client. */
const PATHS: Readonly<Record<string, (ctx: MachineContext, name: string) => Promise<unknown>>> = {
  ssh: (ctx, name) => sshSession(ctx, name, ['true']),
  'scp up': (ctx, name) => copyFiles(ctx, { ...copy, source: secret, target: `${name}:x` }),
  'scp down': (ctx, name) => copyFiles(ctx, { ...copy, source: `${name}:x`, target: join(me.home, 'x') }),
  provision: (ctx, name) => provisionMachine(ctx, name),
  'provision --dry-run': (ctx, name) => planMachine(ctx, name),
  upgrade: (ctx, name) => upgradeMachine(ctx, name, { force: false }),
  'upgrade --check': (ctx, name) => planUpgrade(ctx, name, { force: false }),
  'regenerate-certs': (ctx, name) => renewNow(ctx, name, false),
  restart: (ctx, name) => restartMachine(ctx, name),
  'logs --engine': (ctx, name) => machineLogs(ctx, name, { kind: 'engine', follow: false }, () => undefined),
}

/** Nobody logged in, nobody tried to, and nothing was said. */
function learntNothing(t: Test, log: string): void {
  t.match(log, /Connection from/, 'it was asked')
  t.notMatch(log, /Accepted|authenticating user|Failed|Postponed|userauth/i)
  t.notOk(existsSync(heard))
}

for (const [moment, pins] of Object.entries(MOMENTS)) {
  t.test(`${moment}: our own client refuses on every path, and says what to do`, async (t) => {
    const name = moment.replaceAll(' ', '-')
    await machine(name, pins)
    for (const [path, go] of Object.entries(PATHS)) {
      const before = impostor.log().length
      const error: unknown = await go(context(), name).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      if (!isMachineError(error)) t.fail(`${path} did not refuse`, { error })
      else
        t.match(
          error,
          { code: 'host-key', message: /NOT THE PINNED ONE/, hints: [/Compare.*ssh-keygen/] },
          path,
        )
      learntNothing(t, impostor.log().slice(before))
    }
    t.match(context().store.read(name).ledger, { hostKeys: pins }, 'the pins stay')
  })
}

t.test('a tunnel to the engine sends nothing, and config tells why it leads nowhere', async (t) => {
  const { store } = context()
  await ensureCa(store.certsDir)
  const pins = MOMENTS['after rotation'] as PinnedHostKeys
  await machine('tunnel', pins)
  await copyClientFiles(store.certsDir, store.dir('tunnel'))
  const port = await freePort()
  await store.update('tunnel', generic.record, (ledger) => ({
    ...ledger,
    options: { ...ledger.options, engineAccess: 'ssh' as const },
    engineTunnel: { port },
  }))
  const before = impostor.log().length
  const outcome = await me.tsmachine(['config', 'tunnel'])
  t.match(outcome, { code: 1, stdout: '', stderr: /NOT THE PINNED ONE[^]*Compare the seen fingerprint/ })
  const socket = createConnection({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  socket.write('POST /build')
  socket.resume()
  // Not `once` of node:events, which rejects at a reset: that is a way to end too.
  await new Promise((resolve) => socket.once('close', resolve))
  t.equal(socket.bytesRead, 0)
  learntNothing(t, impostor.log().slice(before))
})

t.test('after a restart somebody else has the port: what worked is refused', async (t) => {
  const real = await startSshd({ authorized: [pair.publicLine] })
  await machine('moved', { source: 'given', current: real.hostKeys[0] ?? '', rotated: true }, real)
  t.equal(await sshSession(context(), 'moved', ['-T', 'true']), 0)
  await real.stop()
  const other = await startSshd({ ...impostorOptions, port: real.port })
  t.teardown(() => other.stop())
  await t.rejects(sshSession(context(), 'moved', ['-T', 'true']), { code: 'host-key' })
  const outcome = await me.tsmachine(['ssh', 'moved', 'true'])
  t.match(outcome, { code: 255, stderr: /IDENTIFICATION HAS CHANGED[^]*SHA256:/ })
  learntNothing(t, other.log())
})

t.test('the system’s own programs refuse as well', async (t) => {
  await machine('web', MOMENTS['after rotation'] as PinnedHostKeys)
  const config = join(me.home, '.ssh', 'config')
  mkdirSync(join(me.home, '.ssh'), { mode: 0o700, recursive: true })
  await me.ok(['ssh-config', '--install', 'web'])
  // Programs look for the configuration in the home that passwd names.
  const bin = join(me.home, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nexec '${findProgram('ssh')}' -F '${config}' "$@"\n`, {
    mode: 0o755,
  })
  const env = { PATH: `${bin}:${process.env['PATH']}` }
  const ours =
    (...words: string[]) =>
    () =>
      me.tsmachine(words)
  const theirs =
    (program: string, ...words: string[]) =>
    () =>
      me.run(program, words, { env })
  const runs: Readonly<Record<string, () => ReturnType<typeof me.run>>> = {
    ssh: ours('ssh', 'web', 'true'),
    'ssh with options that would let it pass': ours(
      ...['ssh', 'web', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', 'true'],
    ),
    'ssh -L': ours('ssh', 'web', '-N', '-L', '23760:127.0.0.1:2376'),
    'scp up': ours('scp', secret, 'web:x'),
    'scp down': ours('scp', 'web:x', join(me.home, 'x')),
    'rsync by scp -d': ours('scp', '-d', secret, 'web:x'),
    'plain ssh': theirs('ssh', 'web', 'true'),
    'plain scp': theirs('scp', '-F', config, secret, 'web:x'),
    rsync: theirs('rsync', secret, 'web:x'),
    'docker over ssh://': theirs('docker', '-H', 'ssh://web', 'version'),
  }
  for (const [path, go] of Object.entries(runs)) {
    const before = impostor.log().length
    const { code, stdout, stderr } = await go()
    t.not(code, 0, path)
    t.match(`${stdout}${stderr}`, /verification failed|NOT THE PINNED ONE|IDENTIFICATION HAS CHANGED/, path)
    learntNothing(t, impostor.log().slice(before))
  }
})

t.test('the impostor hears those who do not look, or these tests would prove nothing', (t) => {
  const lax = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null']
  const login = [
    '-i',
    join(me.store, 'machines', 'web', 'id_rsa'),
    '-p',
    String(impostor.port),
    `${impostor.user}@127.0.0.1`,
  ]
  execFileSync('ssh', ['-F', 'none', ...lax, ...login, 'hello'], { stdio: ['ignore', 'ignore', 'ignore'] })
  t.match(readFileSync(heard, 'utf8'), /hello/)
  t.match(impostor.log(), /Accepted publickey/)
  t.not(shown, '')
  t.end()
})
