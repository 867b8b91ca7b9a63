/** The other networks of the qemu driver on real VMs: a bridge with two machines, and passt. Needs root for the bridge. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { TestUser } from '../helpers/cli.js'
import { poll } from '../helpers/poll.js'

t.setTimeout(900_000)

const BRIDGE = 'tsmtest0'
const HOST_ADDRESS = '10.213.77.1'
const SMALL = ['--qemu-memory', '700', '--qemu-disk-size', '4000']

const user = new TestUser()
const dhcp = startBridge()
t.teardown(async () => {
  await user.cleanUp()
  dhcp.kill()
  spawnSync('ip', ['link', 'del', BRIDGE])
})

/** A bridge of our own with nothing but our VMs on it, and DHCP that listens on it alone. */
function startBridge(): ChildProcess {
  spawnSync('ip', ['link', 'del', BRIDGE])
  ip('link', 'add', BRIDGE, 'type', 'bridge')
  ip('addr', 'add', `${HOST_ADDRESS}/24`, 'dev', BRIDGE)
  ip('link', 'set', BRIDGE, 'up')
  const dir = join(user.home, 'dhcp')
  mkdirSync(dir)
  writeFileSync(join(dir, 'leases'), '')
  const lines = [
    `interface ${BRIDGE}`,
    ...['start 10.213.77.50', 'end 10.213.77.99', 'max_leases 50'],
    `lease_file ${join(dir, 'leases')}`,
    `pidfile ${join(dir, 'pid')}`,
    ...['option subnet 255.255.255.0', `option router ${HOST_ADDRESS}`],
  ]
  writeFileSync(join(dir, 'conf'), `${lines.join('\n')}\n`)
  return spawn('busybox', ['udhcpd', '-f', join(dir, 'conf')], { stdio: 'ignore' })
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')} (this test needs root): ${stderr}`)
}

/** passt processes that serve this user's machines. */
function passts(): string {
  return spawnSync('pgrep', ['-a', '-f', `passt .*${user.home}`], { encoding: 'utf8' }).stdout
}

async function address(name: string): Promise<string> {
  return (await user.ok(['ip', name])).trim()
}

t.test('machines on a bridge have addresses of their own and reach each other', async (t) => {
  for (const name of ['alpha', 'beta'])
    await user.ok(['create', ...SMALL, '--qemu-network', `bridge=${BRIDGE}`, name])
  const [alpha, beta] = [await address('alpha'), await address('beta')]
  t.match(alpha, /^10\.213\.77\.\d+$/)
  t.match(beta, /^10\.213\.77\.\d+$/)
  t.not(alpha, beta)
  t.equal((await user.ok(['url', 'alpha'])).trim(), `tcp://${alpha}:2376`)
  const info = await user.docker('alpha', ['info', '--format', '{{.Name}}'])
  t.equal(info.stdout.trim(), 'alpha', info.stderr)
  t.match(await user.ok(['ssh', 'alpha', '--', `nc -w 5 ${beta} 22 </dev/null`]), /^SSH-2\.0/)
  t.match(await user.ok(['ssh', 'beta', '--', `nc -w 5 ${alpha} 22 </dev/null`]), /^SSH-2\.0/)
})

t.test(
  'forwarding a port to a machine with an address of its own is refused with that address',
  async (t) => {
    const outcome = await user.tsmachine(['forward', 'alpha', '8080'])
    t.equal(outcome.code, 1)
    t.match(outcome.stderr, /bridge[^]*tsmachine ip/)
    await user.ok(['rm', '-y', 'alpha', 'beta'])
    t.notMatch(readFileSync('/proc/net/dev', 'utf8'), /^\s*tsm[0-9a-f]{8}:/m, 'no tap interface is left')
  },
)

t.test('a machine behind passt: engine and SSH through 127.0.0.1, and passt ends with it', async (t) => {
  await user.ok(['create', ...SMALL, '--qemu-network', 'passt', 'gamma'])
  t.equal(await address('gamma'), '127.0.0.1')
  const info = await user.docker('gamma', ['info', '--format', '{{.Name}}'])
  t.equal(info.stdout.trim(), 'gamma', info.stderr)
  t.match(passts(), /passt/)
  await user.ok(['stop', 'gamma'])
  const { answer } = await poll(5_000, () => Promise.resolve(passts() === '' ? 'gone' : ''))
  t.equal(answer, 'gone')
})
