/**
 * A host without room or memory while an engine is installed on it: the failure names what is short, with figures, and
 * the same create goes on when it is there. The host is namespaces of this computer (root needed).
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Outcome, TestUser } from '../helpers/cli.js'
import { NamespaceGuests } from '../helpers/namespace-host.js'
import { importSmallBundle } from '../helpers/small-bundle.js'

t.setTimeout(600_000)
const NAME = 'short'
const user = new TestUser()
const hosts = new NamespaceGuests()
t.teardown(async () => {
  await user.cleanUp()
  await hosts.close()
})

interface Host {
  readonly flags: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** As root on the host. */
  readonly run: (script: string) => Promise<void>
}

function keyPair(path: string): { private: string; public: string } {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path])
  return { private: readFileSync(path, 'utf8'), public: readFileSync(`${path}.pub`, 'utf8').trim() }
}

async function makeHost(): Promise<Host> {
  const key = join(user.home, 'login')
  const [login, own] = [keyPair(key), keyPair(join(user.home, 'host'))]
  const userData = {
    ssh_keys: { ed25519_private: own.private, ed25519_public: own.public },
    users: [{ name: 'root', ssh_authorized_keys: [login.public] }],
  }
  const spec = { id: '1', name: NAME, publicKeys: [], userData: `#cloud-config\n${JSON.stringify(userData)}` }
  const guest = hosts.make(spec)
  await guest.powerOn()
  const options = { 'ip-address': guest.address, 'ssh-user': 'root', 'ssh-key': key, 'host-key': own.public }
  const flags = Object.entries(options).flatMap(([name, value]) => [`--generic-${name}`, value])
  const strict = [
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'LogLevel=ERROR',
  ]
  return {
    flags: ['--driver', 'generic', ...flags],
    env: { XDG_CACHE_HOME: await importSmallBundle(user, join(user.home, 'bundle'), '26.1.5-small') },
    run: async (script) => {
      const { code, stderr } = await user.run('ssh', ['-i', key, ...strict, `root@${guest.address}`, script])
      if (code !== 0) throw new Error(`${script}: ${stderr}`)
    },
  }
}

t.test(
  'an install that finds no room or no memory says so with figures, and is carried on with',
  async (t) => {
    const { flags, env, run } = await makeHost()
    const create = async (...words: readonly string[]): Promise<Outcome> =>
      await user.tsmachine(['create', ...words, NAME], { env })
    const resume = (): Promise<Outcome> => create('--resume')

    await run('mount -t tmpfs -o size=40m small /opt')
    const first = await create(...flags)
    t.equal(first.code, 1)
    t.match(first.stderr, /The engine needs 320 MB below \/opt, and the host has 41 MB free on \/opt/)
    t.match(first.stderr, `tsmachine create ${NAME} --resume`)
    await run('umount /opt')

    t.comment('what we write is short of room as well')
    await run(
      'mkdir -p /etc/docker; mount -t tmpfs -o size=64k small /etc/docker; dd if=/dev/zero of=/etc/docker/x || :',
    )
    const second = await resume()
    t.equal(second.code, 1)
    t.match(second.stderr, /The host could not install [^]*No space left on device/)
    t.match(second.stderr, /file system \/etc\/docker is full \(0 MB free of 65 kB\)/)
    t.match(second.stderr, new RegExp(`Make room there .*tsmachine create ${NAME} --resume`))
    await run('ls /etc/docker | grep -q tsmachine-new && exit 1; umount /etc/docker')

    t.comment('the kernel ends what unpacks the engine, in its own words')
    const killed = 'Out of memory: Killed process 77 (zstd) total-vm:9kB'
    const words = `read -r up _ </proc/uptime; echo "[$up] ${killed}"`
    await run(`printf '%s\\n' '#!/bin/sh' '${words}' >/usr/local/sbin/dmesg; chmod 755 /usr/local/sbin/dmesg`)
    await run(
      "printf '%s\\n' '#!/bin/sh' 'kill -9 $PPID' >/usr/local/sbin/tar; chmod 755 /usr/local/sbin/tar",
    )
    const third = await resume()
    t.equal(third.code, 1)
    t.match(
      third.stderr,
      /The host has run out of memory \(\d+ MB\): Out of memory: Killed process 77 \(zstd\)/,
    )
    t.match(third.stderr, 'Give the host more memory')
    await run('rm /usr/local/sbin/dmesg /usr/local/sbin/tar')

    const last = await resume()
    t.equal(last.code, 0, last.stderr)
    t.match(await user.ok(['ls', '--format', '{{.State}} {{.DockerVersion}}']), 'Running v26.1.5')
  },
)
