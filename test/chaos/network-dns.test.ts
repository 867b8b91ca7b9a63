/** A resolver that never answers: what needs a name ends in time, with its stage and what to do. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../src/util/exec.js'
import { packageRoot } from '../../src/util/paths.js'
import { scratchDir } from '../helpers/driver-deps.js'

/** A network without anybody but us, where the name server hears all and says nothing. $1: folder; the rest: a command. */
const SILENT_RESOLVER = `set -e
mount --bind "$1/resolv.conf" /etc/resolv.conf
ip link set lo up
ip addr add 192.0.2.53/32 dev lo
shift
exec "$@"`
/** Listens where the name server is, then starts the program. */
const AS_RESOLVER = `
const socket = require('node:dgram').createSocket('udp4')
const [program, ...words] = process.argv.slice(1)
socket.bind(53, '192.0.2.53', () => {
  const child = require('node:child_process').spawn(program, words, { stdio: 'inherit' })
  child.on('exit', (code) => process.exit(code ?? 99))
})`

const skip = canHaveNetworks() ? false : 'needs root and namespaces'

function canHaveNetworks(): boolean {
  try {
    execFileSync('unshare', ['-mn', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const CASES = [
  {
    what: 'a host that was named',
    words: ['--driver', 'generic', '--generic-ip-address', 'host.example.com', '--generic-trust-first-use'],
    says: /host\.example\.com[^]*Stage: preflight[^]*give the address in numbers/,
  },
  {
    what: "a cloud's API",
    words: ['--driver', 'digitalocean', '--digitalocean-access-token', 'dop_v1_0123456789'],
    says: /Cannot reach DigitalOcean[^]*Stage: preflight[^]*Check the (DNS settings|connection)/,
  },
]

for (const { what, words, says } of CASES)
  t.test(
    `${what} cannot be looked up: it is told at preflight, and nothing is recorded`,
    { skip },
    async (t) => {
      const dir = scratchDir(t)
      writeFileSync(join(dir, 'resolv.conf'), 'nameserver 192.0.2.53\noptions timeout:2 attempts:1\n')
      const program = [process.execPath, join(packageRoot(), 'bin/run.cjs')]
      const command = [...program, 'create', ...words, 'web']
      const inside = ['sh', dir, process.execPath, '-e', AS_RESOLVER, ...command]
      const outcome = await run('unshare', ['-mn', 'sh', '-c', SILENT_RESOLVER, ...inside], {
        deadlineMs: 90_000,
        env: { PATH: process.env['PATH'] ?? '', HOME: dir, MACHINE_STORAGE_PATH: join(dir, 'store') },
      })
      t.match(outcome.stderr, says)
      t.equal(outcome.code, 3)
      t.throws(() => execFileSync('ls', [join(dir, 'store/machines/web')], { stdio: 'ignore' }))
    },
  )
