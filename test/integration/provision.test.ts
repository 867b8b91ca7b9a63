/** Facts, plans and rotation over a real SSH connection, on this computer's sshd with all paths below a folder. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { apply } from '../../provision/apply.js'
import { openBundle } from '../../provision/bundle.js'
import { collectFacts } from '../../provision/facts.js'
import { installHostKey, nextHostKey } from '../../provision/host-key.js'
import { plan } from '../../provision/plan.js'
import { Standby } from '../../provision/standby.js'
import type { RemoteShell } from '../../src/contracts/ssh.js'
import { connect } from '../../src/ssh/connect.js'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { fakeBundle } from '../helpers/fake-bundle.js'
import { fakeHost } from '../helpers/fake-host.js'
import { Link } from '../helpers/link.js'
import { failureOf, wanted } from '../helpers/provision-input.js'
import { startSshd } from '../helpers/sshd.js'
import { difference } from '../helpers/wire.js'

const dir = mkdtempSync(join(tmpdir(), 'tsm-provision-'))
const on = fakeHost('dash')
const pair = generateKeyPair('test')
writeFileSync(join(dir, 'id'), pair.privatePem, { mode: 0o600 })
const server = await startSshd({
  authorized: [pair.publicLine],
  config: [`SetEnv PATH=${on.shell.env['PATH'] ?? ''}`],
})
const shells: RemoteShell[] = []
t.teardown(async () => {
  // One that a failed test leaves open would keep this process.
  for (const shell of shells) shell.close()
  await server.stop()
  on.remove()
  rmSync(dir, { recursive: true, force: true })
})
const pins = { keys: server.hostKeys }
const open = async (port = server.port): Promise<RemoteShell> => {
  const shell = await connect({ ...server, port }, { privateKeyPath: join(dir, 'id'), pins })
  shells.push(shell)
  return shell
}
const version = '26.1.5-0badcafe'
const bundleDir = fakeBundle(join(dir, 'bundle'), version)
on.put('run/systemd/system/x', '')
on.put('etc/group', 'root:x:0:\n')

t.test('a host that only needs configuration takes two round trips, and its rotation two more', async (t) => {
  mkdirSync(join(on.root, 'opt/tsmachine', version), { recursive: true })
  on.put(`opt/tsmachine/${version}/.complete`, '')
  const shell = await open()
  const facts = await collectFacts(shell, undefined, on.root)
  t.equal(facts.clientAddress, '127.0.0.1')
  const goal = wanted({ bundleVersion: version }, { labels: ['a=$(id) "b"'] })
  await apply(shell, plan(facts, goal), { facts, root: on.root })
  t.equal(shell.roundTrips, 2)
  t.equal(on.read('etc/docker/server-key.pem'), 'SECRET KEY PEM\n')
  t.equal(statSync(join(on.root, 'etc/docker/server-key.pem')).mode & 0o777, 0o600)
  t.ok(on.calls().includes('systemctl restart docker.service'))

  const live = join(on.root, 'etc/ssh/ssh_host_ed25519_key')
  mkdirSync(join(on.root, 'etc/ssh'))
  execFileSync('cp', [join(server.dir, 'host_ed25519'), live])
  const next = await nextHostKey(shell, undefined, on.root)
  t.equal(await installHostKey(shell, undefined, on.root), next)
  t.equal(shell.roundTrips, 4)
  t.equal(
    execFileSync('ssh-keygen', ['-y', '-f', live]).toString().split(' ').slice(0, 2).join(' ').trim(),
    next,
  )
  shell.close()
})

t.test('over a long line, facts and plan wait for the host four times after the handshake', async (t) => {
  const link = new Link({ rttMs: 0, settleMs: 250 })
  t.teardown(() => link.close())
  const shell = await open(await link.open(server.port))
  const before = link.traffic()
  const known = collectFacts(shell, undefined, on.root)
  const standby = new Standby(shell)
  const facts = await known
  const goal = wanted({ bundleVersion: version }, { labels: ['far=away'] })
  await apply(shell, plan(facts, goal), { facts, standby, root: on.root })
  const { roundTrips, bytesUp } = difference(link.traffic(), before)
  t.equal(roundTrips, 4, 'two channels, two commands, the facts, the plan')
  t.ok(bytesUp < 40_000, `${bytesUp} bytes: no engine`)
  t.match(on.read('etc/docker/daemon.json'), 'far=away')
  t.notOk(standby.isWaiting)
  shell.close()
})

t.test(
  'what stands by goes home when there is nothing to do, and is replaced where it is gone',
  async (t) => {
    const shell = await open()
    const facts = await collectFacts(shell, undefined, on.root)
    const idle = new Standby(shell)
    await apply(
      shell,
      { ...plan(facts, wanted({ bundleVersion: version })), steps: [] },
      { facts, standby: idle },
    )
    t.notOk(idle.isWaiting)
    const goal = wanted({ bundleVersion: version }, { labels: ['later=on'] })
    await apply(shell, plan(facts, goal), { facts, standby: idle, root: on.root })
    t.match(on.read('etc/docker/daemon.json'), 'later=on')
    shell.close()
  },
)

t.test('secrets are in no command line and in no log of the server', async (t) => {
  t.notMatch(server.log(), /SECRET KEY/)
  const shell = await open()
  const facts = await collectFacts(shell, undefined, on.root)
  on.fake(
    'systemctl',
    `cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\000' ' ' >'${join(on.root, 'commands')}'`,
  )
  const tls = { ca: 'CA PEM\n', cert: 'SERVER PEM\n', key: 'ANOTHER SECRET KEY\n' }
  await apply(shell, plan(facts, wanted({ bundleVersion: version, tls })), { facts, root: on.root })
  t.match(on.read('commands'), 'apply.sh')
  t.notMatch(on.read('commands'), 'ANOTHER SECRET')
  on.fake('systemctl')
  shell.close()
})

t.test(
  'a connection that is cut while the engine is sent leaves a host that the next run finishes',
  async (t) => {
    rmSync(join(on.root, 'opt'), { recursive: true })
    const shell = await open()
    const facts = await collectFacts(shell, undefined, on.root)
    const made = plan(facts, wanted({ bundleVersion: version }))
    const stop = new AbortController()
    const cut = apply(shell, made, {
      facts,
      bundleDir,
      root: on.root,
      signal: stop.signal,
      report: (event) =>
        event.type === 'progress' && event.text.startsWith('sending') && stop.abort(new Error('cut')),
    })
    await t.rejects(cut, { message: 'cut' })
    shell.close()
    t.notOk(on.has(`opt/tsmachine/${version}/.complete`))
    const link = new Link({ rttMs: 0 })
    t.teardown(() => link.close())
    const again = await open(await link.open(server.port))
    const provision = async (): Promise<number> => {
      const before = link.traffic()
      const later = await collectFacts(again, undefined, on.root)
      const options = { facts: later, bundleDir, root: on.root }
      await apply(again, plan(later, wanted({ bundleVersion: version })), options)
      return difference(link.traffic(), before).bytesUp
    }
    const sent = await provision()
    t.equal(again.roundTrips, 2)
    const { bytes } = await openBundle(bundleDir, version)
    t.ok(sent > bytes && sent < bytes * 1.01 + 40_000, `${sent} bytes for a bundle of ${bytes}`)
    const repeated = await provision()
    t.ok(repeated < 40_000, `${repeated} bytes where the same bundle is`)
    t.equal(readFileSync(join(on.root, 'opt/tsmachine/current/bin/dockerd')).length, 3_000_000)
    again.close()
  },
)

t.test('a step that fails is told with its stage’s words and what the host printed', async (t) => {
  const shell = await open()
  const facts = await collectFacts(shell, undefined, on.root)
  on.fake('systemctl', '[ "$1" != restart ] || { echo "Unit docker.service is masked." >&2; exit 1; }')
  on.fake('journalctl', 'echo "engine: last words"')
  const goal = wanted({ bundleVersion: version }, { opts: ['debug'] })
  const error = await failureOf(apply(shell, plan({ ...facts, pending: [] }, goal), { facts, root: on.root }))
  t.match(error, { code: 'provision', message: /^The host could not start the engine$/ })
  t.match(error.evidence, 'Unit docker.service is masked.\nengine: last words')
  shell.close()
})
