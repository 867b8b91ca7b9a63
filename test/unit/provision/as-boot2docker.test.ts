import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { BOOT2DOCKER_MOUNTS, boot2dockerFiles } from '../../../provision/as-boot2docker.js'
import { parseOsRelease } from '../../../provision/os-release.js'
import { hostScript } from '../../../provision/host-script.js'

const SERVICE = '--containerd=/run/containerd/containerd.sock'

/** What docker-machine writes: flags with values of the user's, and a port of the computer that the VM runs on. */
const PROFILE = `
EXTRA_ARGS='
--label spam=eggs
--label *

'
CACERT=/var/lib/boot2docker/ca.pem
DOCKER_HOST='-H tcp://0.0.0.0:43691'
DOCKER_STORAGE=overlay2
DOCKER_TLS=no
SERVERKEY=/var/lib/boot2docker/server-key.pem
SERVERCERT=/var/lib/boot2docker/server.pem

export "NAME=a value"
`

/** The scripts with their places in a folder; dockerd and the service manager print their words. */
class Guest {
  readonly #root: string

  constructor(t: Test) {
    this.#root = t.testdir()
    for (const dir of ['etc/docker', 'var/lib/boot2docker', 'run/boot2docker/bin', 'usr/bin'])
      mkdirSync(this.path(dir), { recursive: true })
    this.#program('run/boot2docker/bin/dockerd', 'for word; do echo "$word"; done; echo "NAME=$NAME"')
    this.#program('usr/bin/tsmachine-service', 'echo "$@"')
  }

  path(name: string): string {
    return join(this.#root, name)
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), this.#moved(text))
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8').replaceAll(this.#root, '')
  }

  run(
    script: string,
    words: readonly string[],
  ): { readonly status: number | null; readonly lines: string[] } {
    const text = this.#moved(hostScript(`as-boot2docker/${script}`))
    const { status, stdout } = spawnSync('sh', ['-c', text, script, ...words], {
      cwd: '/',
      encoding: 'utf8',
    })
    return { status, lines: stdout.replaceAll(this.#root, '').split('\n').filter(Boolean) }
  }

  #moved(text: string): string {
    return text.replaceAll(/(?<=^|[\s"=])\/(etc|var\/lib|run|usr\/bin)\//gm, `${this.#root}/$1/`)
  }

  #program(name: string, text: string): void {
    writeFileSync(this.path(name), `#!/bin/sh\n${text}\n`)
    chmodSync(this.path(name), 0o755)
  }
}

t.test(
  'dockerd gets the words of the profile, the port that is forwarded to, and TLS whatever it says',
  async (t) => {
    const guest = new Guest(t)
    guest.write('var/lib/boot2docker/profile', PROFILE)
    guest.write('etc/docker/daemon.json', '{"tls": true}')
    const { lines } = guest.run('dockerd.sh', [SERVICE])
    const data = '/var/lib/boot2docker'
    t.strictSame(lines, [
      ...[SERVICE, '--storage-driver', 'overlay2', '-H', 'unix:///var/run/docker.sock'],
      ...['--tlsverify', '--tlscacert', `${data}/ca.pem`, '--tlscert', `${data}/server.pem`],
      ...['--tlskey', `${data}/server-key.pem`, '-H', 'tcp://0.0.0.0:2376', '-H', 'tcp://0.0.0.0:43691'],
      ...['--label', 'spam=eggs', '--label', '*', 'NAME=a value'],
    ])
    guest.write('var/lib/boot2docker/profile', PROFILE.replace('43691', '2376'))
    const again = guest.run('dockerd.sh', [SERVICE]).lines.filter((line) => line.startsWith('tcp:'))
    t.strictSame(again, ['tcp://0.0.0.0:2376'], 'once where it is the port')
  },
)

t.test(
  'dockerd is as it was for whoever is not the service, without a profile, and by settings of ours',
  async (t) => {
    const guest = new Guest(t)
    t.strictSame(guest.run('dockerd.sh', [SERVICE]).lines, [SERVICE, 'NAME='])
    guest.write('var/lib/boot2docker/profile', PROFILE)
    t.strictSame(guest.run('dockerd.sh', ['--version']).lines, ['--version', 'NAME='])
    guest.write('etc/docker/daemon.json', '{\n  "hosts": ["tcp://0.0.0.0:2376"]\n}\n')
    t.strictSame(guest.run('dockerd.sh', [SERVICE]).lines, [SERVICE, 'NAME='])
  },
)

t.test(
  'a start by the profile takes over from our settings, and keeps the certificates in one place',
  async (t) => {
    const guest = new Guest(t)
    guest.write(
      'etc/docker/daemon.json',
      '{\n  "tls": true,\n  "hosts": ["tcp://0.0.0.0:2376"],\n  "debug": true\n}\n',
    )
    guest.write('etc/docker/engine.env', 'OLD=1\n')
    guest.write('etc/docker/ca.pem', 'ours')
    t.strictSame(
      guest.run('docker.sh', ['start']).lines,
      ['engine start'],
      'without a profile nothing changes',
    )
    t.match(guest.read('etc/docker/daemon.json'), 'hosts')
    guest.write('var/lib/boot2docker/profile', PROFILE)
    for (const name of ['ca', 'server', 'server-key'])
      guest.write(`var/lib/boot2docker/${name}.pem`, `their ${name}`)
    const { status, lines } = guest.run('docker.sh', ['start'])
    t.strictSame({ status, lines }, { status: 0, lines: ['engine start'] })
    t.strictSame(JSON.parse(guest.read('etc/docker/daemon.json')), { tls: true })
    t.notOk(existsSync(guest.path('etc/docker/engine.env')))
    for (const name of ['ca', 'server', 'server-key']) {
      t.equal(guest.read(`etc/docker/${name}.pem`), `their ${name}`)
      t.ok(lstatSync(guest.path(`var/lib/boot2docker/${name}.pem`)).isSymbolicLink())
    }
    t.equal(statSync(guest.path('etc/docker/server-key.pem')).mode & 0o777, 0o600)
    guest.write('var/lib/boot2docker/server.pem', 'newer')
    guest.write('etc/docker/daemon.json', '{"debug": true}')
    t.equal(guest.run('docker.sh', ['restart']).status, 0)
    t.equal(guest.read('etc/docker/server.pem'), 'newer')
    t.strictSame(
      JSON.parse(guest.read('etc/docker/daemon.json')),
      { tls: true, debug: true },
      'the owner’s stays',
    )
  },
)

t.test('other words go to the service manager; unknown ones are refused', async (t) => {
  const guest = new Guest(t)
  t.strictSame(guest.run('docker.sh', ['stop']).lines, ['engine stop'])
  t.equal(guest.run('docker.sh', ['explode']).status, 2)
})

t.test(
  'the system has the other name and its own version, and every program is in the way of a shell',
  async (t) => {
    const files = boot2dockerFiles()
    const release = files.find(({ path }) => path === '/etc/os-release')
    t.equal(release?.append, true)
    t.match(parseOsRelease(`ID=tsmachine\nVERSION_ID=1.2\n${release?.content ?? ''}`), {
      ID: 'boot2docker',
      VERSION_ID: '1.2',
    })
    const programs = files.filter(({ mode }) => mode === '755')
    t.strictSame(
      programs.map(({ path }) => path),
      ['/etc/init.d/docker', '/etc/boot2docker/bin/dockerd', '/etc/boot2docker/bin/sethostname'],
    )
    for (const { content } of programs) execFileSync('sh', ['-n'], { input: content })
    t.match(BOOT2DOCKER_MOUNTS.at(-1)?.join(' '), 'lowerdir=/etc/boot2docker/bin:/usr/bin')
  },
)
