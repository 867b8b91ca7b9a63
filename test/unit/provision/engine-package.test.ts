import t from 'tap'
import { findEnginePackage } from '../../../provision/engine-package.js'
import { packageManager } from '../../../provision/plans/packages.js'
import { fakeHost, type FakeHost } from '../../helpers/fake-host.js'
import { failure, failureOf } from '../../helpers/provision-input.js'

/** What each manager prints, as its own manual has it, for an engine with something newer to get. */
const HOSTS: Readonly<Record<string, { programs: Readonly<Record<string, string>>; package: object }>> = {
  'apt-get': {
    programs: {
      'apt-get': '',
      'dpkg-query': `case $1 in -S) echo "docker-ce: $2" ;; *) printf '5:27.3.1-1~debian.12~bookworm' ;; esac`,
      'apt-cache': `printf 'docker-ce:\\n  Installed: 5:27.3.1-1\\n  Candidate: 5:28.0.0-1~debian.12~bookworm\\n  Version table:\\n'`,
    },
    package: {
      name: 'docker-ce',
      installed: '5:27.3.1-1~debian.12~bookworm',
      candidate: '5:28.0.0-1~debian.12~bookworm',
    },
  },
  dnf: {
    programs: {
      rpm: `case $* in *NAME*) echo moby-engine ;; *) echo 27.3.1-2.fc41 ;; esac`,
      dnf: `case $* in *check-update*) printf '\\nmoby-engine-nano.x86_64  9-1  updates\\nmoby-engine.x86_64   3:27.5.1-1.fc41   updates\\n'; exit 100 ;; esac`,
    },
    package: { name: 'moby-engine', installed: '27.3.1-2.fc41', candidate: '27.5.1-1.fc41' },
  },
  yum: {
    programs: {
      rpm: `case $* in *NAME*) echo docker ;; *) echo 25.0.8-1.amzn2 ;; esac`,
      yum: `case $* in *check-update*) echo 'docker.x86_64   25.0.13-1.amzn2   amzn2extra-docker'; exit 100 ;; esac`,
    },
    package: { name: 'docker', installed: '25.0.8-1.amzn2', candidate: '25.0.13-1.amzn2' },
  },
  zypper: {
    programs: {
      rpm: `case $* in *NAME*) echo docker ;; *) echo 27.1.1_ce-1 ;; esac`,
      zypper: `case $* in *info*) printf 'Name           : docker\\nVersion        : 28.2.2_ce-2\\nArch           : x86_64\\n' ;; esac`,
    },
    package: { name: 'docker', installed: '27.1.1_ce-1', candidate: '28.2.2_ce-2' },
  },
  pacman: {
    programs: {
      pacman: `case $1 in -Qoq) echo docker ;; -Q) echo 'docker 1:28.0.1-1' ;; -Si) printf 'Name            : docker\\nVersion         : 1:28.1.0-1\\n' ;; esac`,
    },
    package: { name: 'docker', installed: '1:28.0.1-1', candidate: '1:28.1.0-1' },
  },
  apk: {
    programs: {
      apk: `case $1 in info) echo "$3 is owned by docker-engine-27.3.1-r1" ;; version) printf 'Installed:            Available:\\ndocker-engine-27.3.1-r1   < 28.0.1-r0 \\n' ;; esac`,
    },
    package: { name: 'docker-engine', installed: '27.3.1-r1', candidate: '28.0.1-r0' },
  },
}

/** What this computer has owns no dockerd of ours, so it passes over to the fake ones. */
function host(programs: Readonly<Record<string, string>>): FakeHost {
  const made = fakeHost('dash')
  t.teardown(() => made.remove())
  made.fake('dockerd')
  for (const [program, script] of Object.entries(programs)) made.fake(program, script)
  return made
}

for (const [manager, { programs, package: expected }] of Object.entries(HOSTS))
  t.test(`${manager} says which package the engine is, and what is newest`, async (t) => {
    const on = host(programs)
    t.match(await findEnginePackage(on.shell, { refresh: true }), { manager, ...expected })
    const refreshed = on.calls().filter((call) => /update$|makecache|refresh$|-Sy/.test(call))
    t.ok(refreshed.length > 0, on.calls().join('\n'))
  })

t.test('a look without changes fetches no lists', async (t) => {
  const on = host(HOSTS['apt-get']?.programs ?? {})
  await findEnginePackage(on.shell, { refresh: false })
  t.notOk(on.calls().some((call) => call.startsWith('apt-get')))
})

t.test('another package manager at work is waited for', async (t) => {
  const busy = `[ -e "$0.twice" ] || { touch "$0.\${once:-twice}"; echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7' >&2; exit 100; }`
  const on = host({ ...HOSTS['apt-get']?.programs, 'apt-get': busy, sleep: '' })
  t.match(await findEnginePackage(on.shell, { refresh: true }), { name: 'docker-ce' })
  t.equal(on.calls().filter((call) => call.startsWith('apt-get')).length, 2)
  t.ok(on.calls().includes('sleep 5'))
})

t.test('what fails on the host is shown, and an engine that no package brought is said', async (t) => {
  const broken = host({ ...HOSTS['apt-get']?.programs, 'apt-get': 'echo "E: no network" >&2; exit 100' })
  const error = await failureOf(findEnginePackage(broken.shell, { refresh: true }))
  t.match(error, { code: 'provision', evidence: /E: no network/ })
  const bare = await failureOf(findEnginePackage(host({}).shell, { refresh: true }))
  t.match(bare, { code: 'provision', message: /not installed by its package manager/ })
})

t.test('versions are words of their own', async (t) => {
  const { upgrade, downgrade } = packageManager('apt-get')
  t.equal(upgrade('docker-ce', '5:28~x').at(-1), 'docker-ce=5:28~x')
  t.match(downgrade?.('docker-ce', '5:27'), ['env', 'DEBIAN_FRONTEND=noninteractive'])
  t.ok(downgrade?.('docker-ce', '5:27').includes('--allow-downgrades'))
  t.equal(packageManager('apk').downgrade, undefined, 'Alpine keeps one version')
  t.match(
    failure(() => packageManager('')),
    { code: 'provision' },
  )
})
