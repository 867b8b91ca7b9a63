// What the driver reads of a running VM: console, monitor texts, its own record.
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  addressOnConsole,
  consoleLines,
  consoleTail,
  panicOnConsole,
} from '../../../../src/drivers/qemu/console.js'
import { wantedRows } from '../../../../src/drivers/qemu/forwarder.js'
import { parseUsernet } from '../../../../src/drivers/qemu/ports.js'
import { isRunning, startDetached } from '../../../../src/drivers/qemu/process.js'
import { atLeast } from '../../../../src/drivers/qemu/qemu-program.js'
import { localState } from '../../../../src/drivers/qemu/state.js'
import { bootId, processStart } from '../../../../src/util/process.js'
import { systemClock } from '../../../../src/util/clock.js'
import { uuidOf } from '../../../../src/drivers/qemu/argv.js'

const USERNET = `Hub -1 (net0):\r
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r
  TCP[ESTABLISHED]   30       127.0.0.1 40000       10.0.2.15    22     0     0\r
  TCP[HOST_FORWARD]  18       127.0.0.1 35679       10.0.2.15    22     0     0\r
  UDP[HOST_FORWARD]  19               * 5353        10.0.2.15    53     0     0\r
  UDP[236 sec]       20       10.0.2.15 44444        10.0.2.3    53     0     0\r
`

t.test("QEMU's info usernet: only forwards count", async (t) => {
  t.strictSame(parseUsernet(USERNET), [
    { protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 35679, guestPort: 22 },
    { protocol: 'udp', hostAddress: '0.0.0.0', hostPort: 5353, guestPort: 53 },
  ])
  t.strictSame(parseUsernet(''), [])
})

t.test('versions are compared number by number', async (t) => {
  t.ok(atLeast('7.2.22', '7.2'))
  t.ok(atLeast('10.0', '7.2'))
  t.ok(atLeast('6.0.0', '6.0'))
  t.notOk(atLeast('5.2.0', '6.0'))
  t.notOk(atLeast('7.1.9', '7.2'))
})

t.test('a panic is seen until the guest has begun again', async (t) => {
  const panic = 'Kernel panic - not syncing: VFS: Unable to mount root fs'
  const text = `tsmachine-init: x\n[    1.0] ${panic}\r\n[    1.1] ---[ end ${panic} ]---\n`
  t.equal(panicOnConsole(text), `${panic} ]---`)
  t.equal(panicOnConsole(undefined), undefined)
  t.equal(panicOnConsole('all is well'), undefined)
  t.match(panicOnConsole(`${text}[    2.0] Rebooting in 30 seconds..\n`), panic)
  t.equal(panicOnConsole(`${text}[    2.0] Rebooting in 30 seconds..\ntsmachine-init: hello`), undefined)
})

t.test('the address that a guest says: our image and cloud-init', async (t) => {
  t.equal(addressOnConsole('tsmachine-init: network eth0 10.9.0.5\n'), '10.9.0.5')
  t.equal(
    addressOnConsole(
      'ci-info: |  lo  | True | 127.0.0.1 | 255.0.0.0 | host | . |\nci-info: | ens3 | True | 10.9.0.7 | 255.255.255.0 | global | 52:54:00:00:00:01 |\n',
    ),
    '10.9.0.7',
  )
  t.equal(addressOnConsole('nothing'), undefined)
})

t.test('console lines: the last ones, and what follows, cut anywhere', async (t) => {
  const path = join(t.testdir({}), 'console.log')
  const lines = async (options: Parameters<typeof consoleLines>[1], upTo = Infinity): Promise<string[]> => {
    const seen: string[] = []
    for await (const line of consoleLines(path, options, systemClock)) {
      seen.push(line)
      if (seen.length === upTo) break
    }
    return seen
  }
  t.strictSame(await lines({}), [], 'no file yet')
  t.equal(consoleTail(path), undefined)
  writeFileSync(path, 'one\r\ntwo\r\nthr')
  t.strictSame(await lines({}), ['one', 'two', 'thr'])
  t.strictSame(await lines({ lines: 1 }), ['thr'])
  const following = lines({ follow: true, lines: 1, signal: new AbortController().signal }, 3)
  await systemClock.sleep(50)
  appendFileSync(path, 'ee\nfo')
  await systemClock.sleep(250)
  appendFileSync(path, 'ur\n')
  t.strictSame(await following, ['two', 'three', 'four'])
  const stop = new AbortController()
  const stopped = lines({ follow: true, signal: stop.signal })
  await systemClock.sleep(20)
  stop.abort()
  t.strictSame(await stopped, ['one', 'two', 'three', 'four'], 'ends without an error at the signal')
})

t.test(
  'containers ask for the same port here; one row per port; loopback inside cannot be reached',
  async (t) => {
    const rows = wantedRows([
      { container: 'web', protocol: 'tcp', address: '0.0.0.0', port: 8080 },
      { container: 'web', protocol: 'tcp', address: '::', port: 8080 },
      { container: 'dns', protocol: 'udp', address: '0.0.0.0', port: 53 },
      { container: 'db', protocol: 'tcp', address: '127.0.0.1', port: 5432 },
      { container: 'sig', protocol: 'sctp', address: '0.0.0.0', port: 1 },
    ])
    t.match(rows, [
      { protocol: 'tcp', guestPort: 8080, hostPort: 8080, container: 'web', source: 'container' },
      { protocol: 'udp', guestPort: 53, hostPort: 53, container: 'dns' },
      { protocol: 'tcp', hostPort: 5432, error: /inside the machine only/ },
    ])
    t.equal(rows.length, 3)
    t.equal(rows[0]?.error, undefined)
  },
)

t.test('a pid counts only with its start time, boot and arguments', async (t) => {
  const id = 'ab'.repeat(16)
  const child = await startDetached(
    process.execPath,
    ['-e', 'setTimeout(() => 0, 60000)', uuidOf(id)],
    join(t.testdir({}), 'log'),
  )
  t.teardown(() => process.kill(child.pid, 'SIGKILL'))
  const machine = (attributes: object): Parameters<typeof localState>[0] => ({
    ...{ name: 'm', id, storeId: 's', dir: '/nowhere', config: {} },
    resources: [{ kind: 'vm', key: 'vm', state: 'made', attributes: { ...child, ...attributes } }],
  })
  t.ok(isRunning(child, uuidOf(id)))
  t.equal(localState(machine({})), 'Running')
  t.equal(localState(machine({ startTime: '1' })), 'Stopped', 'another process with this pid')
  t.equal(localState(machine({ bootId: 'another boot' })), 'Stopped', 'before this computer was restarted')
  t.equal(
    localState(machine({ pid: process.pid, startTime: processStart(process.pid) ?? '', bootId: bootId() })),
    'Stopped',
    'a living process that is not our QEMU',
  )
  t.equal(localState({ ...machine({}), resources: [] }), '', 'never started')
})
