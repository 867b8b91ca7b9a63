/**
 * A host without room or memory, or with the clock of another year, while an engine is installed on it: what is wrong is
 * told with figures, and the same create goes on when it is mended. The host is namespaces of this computer (root needed).
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Outcome, TestUser } from '../helpers/cli.js'
import { NamespaceGuests } from '../helpers/namespace-host.js'
import { importSmallBundle } from '../helpers/small-bundle.js'

t.setTimeout(600_000)
const NAME = 'short'
const YEARS_S = 3 * 365 * 86_400
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
  readonly run: (script: string) => Promise<string>
}

function keyPair(path: string): { private: string; public: string } {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path])
  return { private: readFileSync(path, 'utf8'), public: readFileSync(`${path}.pub`, 'utf8').trim() }
}

async function makeHost(name: string): Promise<Host> {
  const dir = join(user.home, name)
  mkdirSync(dir)
  const key = join(dir, 'login')
  const [login, own] = [keyPair(key), keyPair(join(dir, 'host'))]
  const userData = {
    ssh_keys: { ed25519_private: own.private, ed25519_public: own.public },
    users: [{ name: 'root', ssh_authorized_keys: [login.public] }],
  }
  const spec = { id: '1', name, publicKeys: [], userData: `#cloud-config\n${JSON.stringify(userData)}` }
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
    env: { XDG_CACHE_HOME: await importSmallBundle(user, join(dir, 'bundle'), '26.1.5-small') },
    run: async (script) => {
      const words = ['-i', key, ...strict, `root@${guest.address}`, script]
      const { code, stdout, stderr } = await user.run('ssh', words)
      if (code !== 0) throw new Error(`${script}: ${stderr}`)
      return stdout.trim()
    },
  }
}

t.test(
  'an install that finds no room or no memory says so with figures, and is carried on with',
  async (t) => {
    const { flags, env, run } = await makeHost(NAME)
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

/** A clock that is so many seconds off until `date -s` has set it; `/run/date-set` notes what it was given. */
const OFF_CLOCK = (seconds: number): string => `mkdir -p /run/off
echo ${seconds} >/run/off/seconds
cat >/usr/local/sbin/date <<'END'
#!/bin/sh
read -r off </run/off/seconds
case "$*" in
  +%s) echo $(($(/bin/date +%s) + off)) ;;
  '-s @'*) echo "\${2#@}" >>/run/off/set; echo $((\${2#@} - $(/bin/date +%s))) >/run/off/seconds ;;
  *) exec /bin/date "$@" ;;
esac
END
printf '#!/bin/sh\\necho "$*" >>/run/off/hwclock\\n' >/usr/local/sbin/hwclock
chmod 755 /usr/local/sbin/date /usr/local/sbin/hwclock`

t.test('a clock that is years off is told and set, or left to the program that keeps it', async (t) => {
  const { flags, env, run } = await makeHost('late')
  await run(OFF_CLOCK(-YEARS_S))
  const made = await user.tsmachine(['create', ...flags, 'late'], { env })
  t.equal(made.code, 0, made.stderr)
  t.match(made.stderr, /Warning: The host's clock is 9460\d{4} s behind: it is set by this computer’s/)
  const set = (await run('cat /run/off/set')).split('\n')
  t.equal(set.length, 1, 'set once')
  t.ok(Math.abs(Number(set[0]) - Date.now() / 1000) < 300, `set to what it is: ${set[0]}`)
  t.equal(await run('cat /run/off/hwclock'), '-w', 'it outlives a restart of the host')

  t.comment('a program on the host keeps it: it is the one to set it, and it is named')
  await run(
    `echo ${YEARS_S} >/run/off/seconds; printf '#!/bin/sh\nsleep 600\n' >/tmp/chronyd; chmod 755 /tmp/chronyd; ` +
      '/tmp/chronyd >/dev/null 2>&1 </dev/null &',
  )
  const kept = await user.tsmachine(['provision', 'late'], { env })
  t.match(
    kept.stderr,
    /clock is 9460\d{4} s ahead: certificates may look expired .* until chronyd has set it/,
  )
  t.equal(await run('wc -l </run/off/set'), '1', 'it is not set against that program')
})
