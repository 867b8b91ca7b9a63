import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Facts, Plan, Step } from '../../../src/contracts/provision.js'
import { apply } from '../../../provision/apply.js'
import { collectFacts } from '../../../provision/facts.js'
import { installHostKey, nextHostKey } from '../../../provision/host-key.js'
import { engineLog } from '../../../provision/engine-log.js'
import { plan } from '../../../provision/plan.js'
import { file, run } from '../../../provision/plans/steps.js'
import { LocalShell } from '../../doubles/local-shell.js'
import { ALL_TOOLS, fakeHost, type FakeHost } from '../../helpers/fake-host.js'
import { failureOf, wanted } from '../../helpers/provision-input.js'

const SHOW = `Id=docker.service
LoadState=loaded
ActiveState=active
UnitFileState=enabled
FragmentPath=/lib/systemd/system/docker.service
DropInPaths=/etc/systemd/system/docker.service.d/05-site.conf /etc/systemd/system/docker.service.d/10-machine.conf

Id=docker.socket
LoadState=loaded
ActiveState=active
UnitFileState=enabled
FragmentPath=/lib/systemd/system/docker.socket
DropInPaths=

Id=firewalld.service
LoadState=loaded
ActiveState=active
UnitFileState=enabled
FragmentPath=
DropInPaths=
`

function systemdHost(host: FakeHost): void {
  host.put('run/systemd/system/x', '')
  host.put('etc/hosts', '127.0.0.1 localhost\n')
  host.put('etc/group', 'root:x:0:\ndocker:x:999:root,admin\n')
}

function planOf(...steps: Step[]): Plan {
  return { steps, engine: { source: 'host', port: 2376 }, warnings: [] }
}

for (const tools of ALL_TOOLS) {
  const host = (t: { teardown(work: () => void): void }): FakeHost => {
    const made = fakeHost(tools)
    t.teardown(() => made.remove())
    return made
  }
  const go = (on: FakeHost, made: Plan, more: { bundleDir?: string } = {}): Promise<void> =>
    apply(on.shell, made, { facts: { sudo: 'root' } as Facts, root: on.root, ...more })

  t.test(`${tools}: facts survive whatever a host has in its files`, async (t) => {
    const on = host(t)
    systemdHost(on)
    const hostile = '$(touch /tmp/tsm-owned) `id` \\ " \u0001\t ü 漢 \u001b[31m }{",'
    on.put(
      'etc/os-release',
      `# a comment\n\nID=debian\nPRETTY_NAME="${hostile.replace(/["$`\\]/g, '\\$&')}"\nK0=x\nNAME='o''k'\r\nnot a line\n>X=1\nLAST=unended`,
    )
    on.put('etc/docker/daemon.json', '{\n  "labels": ["a \\"b\\" \\\\ $HOME"]\n}')
    on.put('etc/docker/server-key.pem', 'K', 0o600)
    on.put('etc/docker/certs.d/r:5000/ca.crt', 'x')
    on.put('run/tsmachine/pending/engine', '')
    on.put('opt/tsmachine/1.2-a/.complete', '')
    on.put('opt/tsmachine/half/x', '')
    execFileSync('ln', ['-s', '1.2-a', join(on.root, 'opt/tsmachine/current')])
    const facts = await collectFacts(on.shell, undefined, on.root)
    t.equal(on.shell.roundTrips, 1)
    t.equal(facts.osRelease['PRETTY_NAME'], hostile)
    t.equal(facts.osRelease['LAST'], 'unended')
    t.equal(facts.daemonJson, '{\n  "labels": ["a \\"b\\" \\\\ $HOME"]\n}')
    t.match(facts, {
      init: 'systemd',
      sudo: 'root',
      uid: 0,
      inDockerGroup: true,
      pending: ['engine'],
      bundles: ['1.2-a'],
      currentBundle: '1.2-a',
      clientAddress: '203.0.113.7',
      swarm: false,
      restartUnfinished: false,
    })
    t.ok(Math.abs(facts.clockSkewS) < 60)
    t.match(facts.files, {
      '/etc/docker/server-key.pem': '86be9a55762d316a3026c2836d044f5fc76e34da10e1b45feee5f18be7edb177',
      '/etc/docker/certs.d/r:5000/ca.crt': /^2d711642/,
    })
    t.ok(facts.opt.freeBytes > 0 && facts.opt.freeBytes < Number.MAX_SAFE_INTEGER)
  })

  t.test(`${tools}: facts read the engine’s unit without our own drop-in`, async (t) => {
    const on = host(t)
    systemdHost(on)
    on.fake('systemctl', `[ "$1" = show ] && cat <<'END'\n${SHOW}\nEND`)
    on.fake('dockerd', 'echo "Docker version 20.10.24+dfsg1, build 297e128"')
    on.put(
      'lib/systemd/system/docker.service',
      '[Unit]\nExecStart=/no\n[Service]\nExecStart=/usr/sbin/dockerd -H fd:// \\\n  $DOCKER_OPTS\n',
    )
    on.put('lib/systemd/system/docker.socket', '[Socket]\n[Service]\nExecStart=\nExecStart=/wrong\n')
    on.put('etc/systemd/system/docker.service.d/05-site.conf', '[Service]\nEnvironment="A=[x]"')
    on.put(
      'etc/systemd/system/docker.service.d/10-machine.conf',
      '[Service]\nExecStart=\nExecStart=/ours -H x',
    )
    on.put('etc/docker/daemon.json', '{"live-restore": true, "data-root": "/srv/docker"}')
    on.put('etc/docker/daemon.json.before-restart', '{"data-root": "/srv/docker"}')
    on.put('srv/docker/swarm/docker-state.json', '{}')
    const facts = await collectFacts(on.shell, undefined, on.root)
    t.match(facts.engine, {
      version: '20.10.24+dfsg1',
      state: 'ready',
      socketActivated: true,
      enabled: true,
      ours: false,
      execStart: '/usr/sbin/dockerd -H fd:// $DOCKER_OPTS',
    })
    t.match(facts.firewall, { name: 'firewalld' })
    t.equal(facts.swarm, true)
    t.equal(facts.restartUnfinished, true)
    t.equal(facts.daemonJson, '{"data-root": "/srv/docker"}', 'a cut restart: what counts is what was before')
  })

  t.test(`${tools}: our own image is known by its service program`, async (t) => {
    const on = host(t)
    on.put('etc/os-release', 'ID=tsmachine\nVERSION_ID=26.1.5-0123abcd\n')
    on.put('usr/bin/tsmachine-service', '#!/bin/sh\n', 0o755)
    const states = { 'running (pid 7)': 'ready', 'starting (pid 7)': 'starting', stopped: 'stopped' }
    for (const [says, state] of Object.entries(states)) {
      on.fake('tsmachine-service', `echo 'engine: ${says}'`)
      t.match(await collectFacts(on.shell, undefined, on.root), {
        init: 'tsmachine',
        engine: { state, ours: true, version: '26.1.5-0123abcd' },
      })
    }
  })

  t.test(`${tools}: a whole plan is carried out in one round trip, and again without harm`, async (t) => {
    const on = host(t)
    systemdHost(on)
    on.put('opt/tsmachine/26.1.5-9e58d154/.complete', '')
    on.put('etc/docker/server-key.pem', 'old', 0o644)
    const facts = await collectFacts(on.shell, undefined, on.root)
    const made = plan(facts, wanted({ name: 'web1' }, { labels: ['a $(id) "b"'], env: ['X=$(id)'] }))
    await go(on, made)
    t.equal(on.shell.roundTrips, 2)
    t.equal(on.read('etc/docker/server-key.pem'), 'SECRET KEY PEM\n')
    t.equal(
      statSync(join(on.root, 'etc/docker/server-key.pem')).mode & 0o777,
      0o600,
      'also where it was readable before',
    )
    t.equal(statSync(join(on.root, 'etc/docker/ca.pem')).mode & 0o777, 0o644)
    t.equal(statSync(join(on.root, 'etc/docker/engine.env')).mode & 0o777, 0o600)
    t.same((JSON.parse(on.read('etc/docker/daemon.json')) as { labels: string[] }).labels, [
      'a $(id) "b"',
      'provider=generic',
    ])
    t.equal(on.read('etc/hostname'), 'web1\n')
    t.equal(on.read('etc/hosts'), '127.0.0.1 localhost\n127.0.1.1 web1\n')
    t.same(
      on.calls().filter((call) => !call.startsWith('systemctl show')),
      [
        // busybox's shell runs its own modprobe.
        ...(tools === 'dash' ? ['modprobe -a overlay br_netfilter'] : []),
        'systemctl daemon-reload',
        'systemctl enable tsmachine-containerd.service docker.service',
        'systemctl restart docker.service',
      ],
    )
    t.same((await collectFacts(on.shell, undefined, on.root)).pending, [], 'every change has been acted on')
    const count = on.calls().length
    await go(on, made)
    t.ok(on.calls().length > count, 'the same plan runs again')
    t.equal(on.read('etc/hosts'), '127.0.0.1 localhost\n127.0.1.1 web1\n')
    t.equal(
      execFileSync('sh', ['-c', `grep -lsxF '${on.root}' /run/tsmachine-*/root | wc -l`])
        .toString()
        .trim(),
      '0',
      'nothing is left behind',
    )
  })

  t.test(`${tools}: a failing step ends the plan with its own words and the engine’s`, async (t) => {
    const on = host(t)
    on.fake('systemctl', 'echo "Job for docker.service failed" >&2; exit 5')
    on.fake('journalctl', 'echo "failed to start daemon: bad thing"')
    const error = await failureOf(
      go(
        on,
        planOf(
          file('/etc/docker/daemon.json', '{}\n', 'set the options', { tags: ['engine'] }),
          run(['false'], 'try something', { tolerate: true }),
          run(['systemctl', 'restart', 'docker.service'], 'restart the engine', {
            settles: ['engine'],
            evidence: ['journalctl', '-u', 'docker.service'],
          }),
          file('/etc/never', 'x', 'never'),
        ),
      ),
    )
    t.equal(error.code, 'provision')
    t.equal(error.message, 'The host could not restart the engine')
    t.match(error.evidence, 'Job for docker.service failed\nfailed to start daemon: bad thing')
    t.notOk(on.has('etc/never'))
    t.ok(on.has('run/tsmachine/pending/engine'), 'the change still waits for a restart')
    on.fake('systemctl')
    await go(
      on,
      planOf(
        run(['systemctl', 'x'], 'restart', { onChange: 'engine', settles: ['engine'] }),
        run(['systemctl', 'y'], 'start', { unlessSettled: 'engine' }),
      ),
    )
    t.same(
      on.calls().slice(-1),
      ['systemctl x'],
      'a later run acts on it, and what that made needless is skipped',
    )
    await go(
      on,
      planOf(
        run(['systemctl', 'x'], 'restart', { onChange: 'engine', settles: ['engine'] }),
        run(['systemctl', 'y'], 'start', { unlessSettled: 'engine' }),
      ),
    )
    t.same(on.calls().slice(-1), ['systemctl y'])
  })

  t.test(`${tools}: words of a step reach the program as they are`, async (t) => {
    const on = host(t)
    const words = ['a b', '$HOME', '`id`', '$(id)', "it's", '"q"', '*', '', '\\', '-n', '~', 'ü']
    on.fake('record', `for word; do printf '%s|' "$word"; done >'${on.root}/words'`)
    await go(on, planOf(run(['record', ...words], 'record')))
    t.equal(on.read('words'), words.map((word) => `${word}|`).join(''))
    t.throws(() => run(['x', 'a\nb'], 'record'), /spans lines/)
  })

  t.test(`${tools}: the bundle’s iptables take the back end that works, if any does`, async (t) => {
    const kernels = { 'exit 0': false, '[ -e "${0%/*}/legacy" ]': true, 'exit 1': false }
    for (const [program, legacy] of Object.entries(kernels)) {
      const on = host(t)
      on.put('opt/tsmachine/1/iptables/iptables', `#!/bin/sh\n${program}\n`, 0o755)
      await go(on, planOf(run(['sh', '@lib/iptables-backend.sh', '1'], 'choose')))
      t.equal(on.has('opt/tsmachine/1/iptables/legacy'), legacy, program)
    }
  })

  t.test(`${tools}: a file keeps its mode where it should, and a removed one may be gone`, async (t) => {
    const on = host(t)
    on.put('etc/docker/daemon.json', '{}', 0o600)
    await go(
      on,
      planOf(
        { ...file('/etc/docker/daemon.json', '{"a":1}', 'write'), keepMode: true },
        { kind: 'remove', path: '/etc/nothing', why: 'remove' },
      ),
    )
    t.equal(on.read('etc/docker/daemon.json'), '{"a":1}')
    t.equal(statSync(join(on.root, 'etc/docker/daemon.json')).mode & 0o777, 0o600)
  })

  t.test(`${tools}: a second apply waits for the first, and one that was killed is passed`, async (t) => {
    const on = host(t)
    on.put('run/tsmachine/x', '')
    execFileSync('ln', ['-s', '999999999', join(on.root, 'run/tsmachine/applying')])
    on.fake('slow', `sleep 0.4; echo "$1" >>'${on.root}/order'`)
    const first = go(on, planOf(run(['slow', 'one-a'], 'x'), run(['slow', 'one-b'], 'x')))
    const second = go(on, planOf(run(['slow', 'two-a'], 'x'), run(['slow', 'two-b'], 'x')))
    await Promise.all([first, second])
    const order = on
      .read('order')
      .trim()
      .split('\n')
      .map((line) => line.slice(0, 3))
    t.ok(order.join() === 'one,one,two,two' || order.join() === 'two,two,one,one', order.join())
  })

  t.test(`${tools}: rotation of an OpenSSH host key can be cut anywhere`, async (t) => {
    const on = host(t)
    on.put('etc/ssh/sshd_config', 'Include /etc/ssh/sshd_config.d/*.conf\n')
    on.put('etc/ssh/sshd_config.d/x', '')
    on.put('run/systemd/system/x', '')
    execFileSync('ssh-keygen', [
      '-q',
      '-t',
      'ed25519',
      '-N',
      '',
      '-C',
      '',
      '-f',
      join(on.root, 'etc/ssh/ssh_host_ed25519_key'),
    ])
    on.shell.hostKey = on.read('etc/ssh/ssh_host_ed25519_key.pub').trim()
    on.put('etc/ssh/ssh_host_ed25519_key.tsmachine-next.making', 'left by a run that was cut')
    const next = await nextHostKey(on.shell, undefined, on.root)
    t.not(next, on.shell.hostKey)
    t.equal(await nextHostKey(on.shell, undefined, on.root), next, 'the same key until it is installed')
    t.equal(await installHostKey(on.shell, undefined, on.root), next)
    t.ok(on.calls().includes('systemctl reload ssh.service'))
    t.equal(on.read('etc/ssh/ssh_host_ed25519_key.pub').trim(), next)
    t.equal(statSync(join(on.root, 'etc/ssh/ssh_host_ed25519_key')).mode & 0o777, 0o600)
    t.match(on.read('etc/ssh/sshd_config.d/10-tsmachine-hostkey.conf'), /^HostKey .*ssh_host_ed25519_key\n$/)
    t.equal(
      await nextHostKey(on.shell, undefined, on.root),
      next,
      'sshd not told yet: the installed key is the next one',
    )
    t.equal(await installHostKey(on.shell, undefined, on.root), next, 'installing twice is installing once')
    on.shell.hostKey = next
    t.not(
      await nextHostKey(on.shell, undefined, on.root),
      next,
      'a finished rotation may be followed by another',
    )
  })

  t.test(`${tools}: a host that cannot make a key says why`, async (t) => {
    const on = host(t)
    on.fake('ssh-keygen', 'echo "no entropy" >&2; exit 1')
    const error = await failureOf(nextHostKey(on.shell, undefined, on.root))
    t.match(error, { code: 'provision', evidence: /no entropy/ })
  })

  t.test(`${tools}: our image’s own program rotates its key`, async (t) => {
    const on = host(t)
    on.fake(
      'tsmachine-hostkey',
      `case $1 in show) echo ${on.shell.hostKey};; *) echo "ssh-ed25519 BBBB";; esac`,
    )
    t.equal(await nextHostKey(on.shell, undefined, on.root), 'ssh-ed25519 BBBB')
    await installHostKey(on.shell, undefined, on.root)
    on.fake(
      'tsmachine-hostkey',
      'case $1 in show) echo ssh-ed25519 CCCC comment;; *) echo "ssh-ed25519 BBBB";; esac',
    )
    t.equal(
      await nextHostKey(on.shell, undefined, on.root),
      'ssh-ed25519 CCCC',
      'already installed, not yet used',
    )
  })

  t.test(`${tools}: the engine’s log comes from where the host keeps it`, async (t) => {
    const on = host(t)
    on.fake('tsmachine-service', 'echo "log $*"')
    t.equal((await engineLog(on.shell, 25, { root: on.root })).log, 'log engine log -n 25')
  })
}

t.test('how a login can become root is found out before anything needs it', async (t) => {
  const on = fakeHost('dash')
  t.teardown(() => on.remove())
  on.fake('id', 'case $1 in -u) echo 1000;; *) echo admin;; esac')
  const becoming = async (sudo: string): Promise<unknown> => {
    on.fake('sudo', sudo)
    const { sudo: how, user, uid } = await collectFacts(on.shell, undefined, on.root)
    return [how, user, uid]
  }
  t.same(await becoming('shift; exec "$@"'), ['passwordless', 'admin', 1000])
  t.same(await becoming('echo "sudo: a password is required" >&2; exit 1'), ['password', 'admin', 1000])
  t.same(await becoming('echo "Sorry, user admin may not run sudo" >&2; exit 1'), ['none', 'admin', 1000])
  t.ok(
    on
      .calls()
      .includes('sudo -n sh -s -- ' + on.root + ' passwordless admin 1000 203.0.113.7 50000 10.0.0.5 22'),
  )
})

t.test('the login shell may be any', async (t) => {
  const on = fakeHost('dash')
  t.teardown(() => on.remove())
  systemdHost(on)
  for (const program of ['/usr/bin/fish', '/usr/bin/tcsh', '/usr/bin/zsh']) {
    const shell = new LocalShell({ ...on.shell.env, HOME: on.root }, program)
    const facts = await collectFacts(shell, undefined, on.root)
    t.equal(facts.init, 'systemd', program)
    await apply(shell, planOf(file('/etc/mark', program, 'write')), { facts, root: on.root })
    t.equal(on.read('etc/mark'), program)
  }
})

t.test('a host without a shell of the usual kind is a clear failure', async (t) => {
  const on = fakeHost('dash')
  t.teardown(() => on.remove())
  on.fake('id', 'echo "This account is not available." >&2; exit 1')
  on.fake('sh', 'echo "This account is not available."; exit 1')
  const error = await failureOf(collectFacts(on.shell, undefined, on.root))
  t.match(error, { code: 'provision', message: /did not answer with facts/, evidence: /not available/ })
})
