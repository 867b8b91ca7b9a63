/** The other networks of the qemu driver on real VMs: a bridge with two machines, and passt. Needs root for the bridge. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { processes } from '../../tools/leftovers.js'
import { TestUser } from '../helpers/cli.js'
import { poll } from '../helpers/poll.js'

t.setTimeout(900_000)

// Of this process alone: another run of this test may have its own at the same time.
const BRIDGE = `tsmt${process.pid}`
const NETWORK = `10.${128 + ((process.pid >> 8) % 128)}.${process.pid % 256}`
const HOST_ADDRESS = `${NETWORK}.1`
const SMALL = ['--qemu-memory', '700', '--qemu-disk-size', '4000']

const user = new TestUser()
const dhcp = startBridge()
t.teardown(async () => {
  try {
    await user.cleanUp()
  } finally {
    dhcp.kill()
    spawnSync('ip', ['link', 'del', BRIDGE])
  }
})

/** A bridge of our own with nothing but our VMs on it, and DHCP that listens on it alone. */
function startBridge(): ChildProcess {
  ip('link', 'add', BRIDGE, 'type', 'bridge')
  ip('addr', 'add', `${HOST_ADDRESS}/24`, 'dev', BRIDGE)
  ip('link', 'set', BRIDGE, 'up')
  const dir = join(user.home, 'dhcp')
  mkdirSync(dir)
  writeFileSync(join(dir, 'leases'), '')
  const lines = [
    `interface ${BRIDGE}`,
    ...[`start ${NETWORK}.50`, `end ${NETWORK}.99`, 'max_leases 50'],
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
function passts(): readonly string[] {
  const commands = processes().map(({ command }) => command)
  return commands.filter((command) => /^\S*passt /.test(command) && command.includes(user.home))
}

async function address(name: string): Promise<string> {
  return (await user.ok(['ip', name])).trim()
}

t.test('machines on a bridge have addresses of their own and reach each other', async (t) => {
  for (const name of ['alpha', 'beta'])
    await user.ok(['create', ...SMALL, '--qemu-network', `bridge=${BRIDGE}`, name])
  const [alpha, beta] = [await address('alpha'), await address('beta')]
  for (const own of [alpha, beta]) t.ok(own.startsWith(`${NETWORK}.`), own)
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
    const taps = readdirSync(`/sys/class/net/${BRIDGE}/brif`)
    t.equal(taps.length, 2)
    await user.ok(['rm', '-y', 'alpha', 'beta'])
    const left = readdirSync('/sys/class/net').filter((name) => taps.includes(name))
    t.strictSame(left, [], 'no tap interface is left')
  },
)

t.test('a machine behind passt: engine and SSH through 127.0.0.1, and passt ends with it', async (t) => {
  await user.ok(['create', ...SMALL, '--qemu-network', 'passt', 'gamma'])
  t.equal(await address('gamma'), '127.0.0.1')
  const info = await user.docker('gamma', ['info', '--format', '{{.Name}}'])
  t.equal(info.stdout.trim(), 'gamma', info.stderr)
  t.equal(passts().length, 1)
  await user.ok(['stop', 'gamma'])
  const { answer } = await poll(5_000, () => Promise.resolve(passts().length === 0 ? 'gone' : ''))
  t.equal(answer, 'gone')
})
