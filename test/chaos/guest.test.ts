/**
 * What goes wrong inside a guest that runs, on one VM of our image: each fault is told with what the guest says of it, and
 * what can be repaired is. It boots twice: the kernel's panic is with a full disk, so the start after it is, too.
 */
import t, { type Test } from 'tap'
import { importBusybox } from '../helpers/busybox-image.js'
import { type Outcome, TestUser } from '../helpers/cli.js'
import { poll } from '../helpers/poll.js'
import { SmallDisk } from '../helpers/small-disk.js'

t.setTimeout(3_000_000)
const NAME = 'guest'
const YEARS_S = 3 * 365 * 86_400
/** Where the machine's files lie; without root it is a folder like any other. */
const disk = process.getuid?.() === 0 ? SmallDisk.mount(2_000) : undefined
const user = new TestUser(disk ? { store: disk.dir } : {})
t.teardown(async () => {
  await user.cleanUp()
  disk?.unmount()
})

const run = async (...words: readonly string[]): Promise<Outcome> =>
  await user.tsmachine(words, { limitMs: 900_000 })

/** As root in the guest. */
async function inGuest(script: string): Promise<string> {
  return (await user.ok(['ssh', NAME, '--', `sudo sh -c '${script}'`])).trim()
}

async function repaired(t: Test, verb: 'provision' | 'start' = 'provision'): Promise<void> {
  const { code, stderr } = await run(verb, NAME)
  t.equal(code, 0, stderr)
  const { stdout } = await user.docker(NAME, ['image', 'ls', '-q', 'busybox'])
  t.not(stdout.trim(), '', 'the engine works, and has what it had')
}

/** What `ls` has to say of a machine whose engine cannot be asked, without failing. */
async function listed(): Promise<string> {
  return await user.ok(['ls', '--format', '{{.State}} {{.DockerVersion}} {{.Error}}'])
}

/** Leaves not one block to anybody. */
const FILL = [
  'fallocate -l 9000M /var/lib/tsmachine/filled 2>/dev/null',
  'for size in 1M 4k 512; do dd if=/dev/zero bs=$size of=/var/lib/tsmachine/filled.$size 2>/dev/null; done',
  // dd ends with a failure, as it should.
  ':',
].join('; ')
const EMPTY = 'rm -f /var/lib/tsmachine/filled*'
const FULL = /file system \/var\/lib\/tsmachine is full \(\d+ [kM]B free of \d+ MB\)/
const ROOM = /Make room there .*\/var\/lib\/tsmachine\), then: tsmachine provision guest/

t.before(async () => {
  await user.ok(['create', '--qemu-memory', '768', '--qemu-disk-size', '1000', NAME])
  await importBusybox(user, NAME)
})

t.test('an engine or a containerd that is killed is back without us', async (t) => {
  for (const program of ['dockerd', 'containerd']) {
    const before = await inGuest(`pidof ${program}`)
    await inGuest(`kill -9 ${before}`)
    await poll(120_000, async () => {
      const now = await inGuest(`pidof ${program} || :`)
      return now !== '' && now !== before
    })
    const answers = async () => (await user.docker(NAME, ['version'])).code === 0
    await poll(120_000, answers, 200, () => program)
    t.match(await listed(), /^Running v\d/)
  }
})

t.test('a clock that is three years off is told with what it does, and set by provision', async (t) => {
  for (const sign of ['+', '-']) {
    await inGuest(`date -s @$(($(date +%s) ${sign} ${YEARS_S})); hwclock -w`)
    t.match(await listed(), /by its clock our client certificate has expired or is not valid yet/)
    const { code, stderr } = await run('provision', NAME)
    t.equal(code, 0, stderr)
    t.match(stderr, new RegExp(`clock is \\d{8} s ${sign === '+' ? 'ahead' : 'behind'}: it is set`))
    t.ok(Math.abs(Number(await inGuest('date +%s')) - Date.now() / 1000) < 60, 'the clock is right')
    t.match(await listed(), /^Running v\d/)
  }
})

t.test('a clock that a program keeps is left to it: what it breaks is told with both clocks', async (t) => {
  const keeper = '/run/chronyd'
  await inGuest(
    `printf "#!/bin/sh\\nsleep 900\\n" >${keeper}; chmod 755 ${keeper}; ${keeper} >/dev/null 2>&1 </dev/null & echo $! >${keeper}.pid`,
  )
  await inGuest(`date -s @$(($(date +%s) + ${YEARS_S})); hwclock -w`)
  const { code, stderr } = await run('provision', NAME)
  t.equal(code, 1)
  t.match(stderr, /Warning: .* until chronyd has set it/)
  t.match(stderr, /The host's clock says \S+Z, this computer's \S+Z/)
  t.match(stderr, /If the host's clock is wrong: tsmachine ssh guest -- 'sudo date -s @/)
  await inGuest(`kill $(cat ${keeper}.pid)`)
  await repaired(t)
})

t.test('settings that the engine refuses are told in its own words', async (t) => {
  await inGuest('cp /etc/docker/daemon.json /root/kept; echo "{\\"bogus-key\\": 1}" >/etc/docker/daemon.json')
  const { code, stderr } = await run('provision', NAME)
  t.equal(code, 1)
  t.match(stderr, /could not (re)?start the engine[^]*don't match any configuration option: bogus-key/)
  t.match(await listed(), /^Running Unknown .*Cannot reach the engine/)
  await inGuest('mv /root/kept /etc/docker/daemon.json')
  await repaired(t)
})

t.test('a kernel that ends the engine for want of memory is told in its words', async (t) => {
  // The kernel's own killer, called on an engine that is made its first choice.
  const killer =
    'touch /run/hungry; while [ -e /run/hungry ]; do for pid in $(pidof dockerd); do ' +
    'echo 1000 >/proc/$pid/oom_score_adj && echo f >/proc/sysrq-trigger; done; sleep 1; done'
  await inGuest(`(${killer}) >/dev/null 2>&1 </dev/null &`)
  const failed = await run('regenerate-certs', '-f', NAME)
  await inGuest('rm /run/hungry')
  t.equal(failed.code, 1)
  t.match(failed.stderr, /run out of memory \(\d+ MB\): Out of memory: Killed process \d+ \(dockerd\)/)
  t.match(failed.stderr, /Give the host more memory/)
  await repaired(t)
})

t.test(
  'no room on this computer: the VM is held, told of and let go on',
  { skip: !disk && 'needs root' },
  async (t) => {
    if (!disk) return
    const [written, kept] = ['/var/lib/tsmachine/written', '/run/kept']
    await inGuest(`dd if=/dev/urandom of=${kept} bs=1M count=24 2>/dev/null; sync`)
    disk.leave(8)
    await inGuest(`(dd if=${kept} of=${written} bs=1M conv=fsync) >/dev/null 2>&1 </dev/null &`)
    const isHeld = async () => /^Paused .*disk had no room .*: \d MB are free where /.test(await listed())
    await poll(60_000, isHeld, 100)
    const status = await run('status', NAME)
    t.equal(status.stdout, 'Paused\n')
    t.match(status.stderr, /QEMU holds it, because this computer's disk had no room/)
    const stop = await run('stop', NAME)
    t.equal(stop.code, 1)
    t.match(stop.stderr, /cannot go on[^]*Make room there .*: tsmachine stop guest/)
    disk.leave(24)
    const early = await run('start', NAME)
    t.equal(early.code, 1)
    t.match(early.stderr, /cannot go on[^]*Make room there .*: tsmachine start guest[^]*tsmachine kill guest/)
    disk.leave(1_000)
    await repaired(t, 'start')
    await inGuest(`while pidof dd; do sleep 0.1; done; cmp ${kept} ${written}`)
    t.equal(await inGuest(`rm ${kept} ${written}; echo same`), 'same', 'no write is lost')
  },
)

t.test('a full disk is named with figures by all that fail for it, and hurts nothing', async (t) => {
  await inGuest(FILL)
  const renewed = await run('regenerate-certs', '-f', NAME)
  t.equal(renewed.code, 1)
  t.match(renewed.stderr, FULL)
  t.match(renewed.stderr, ROOM)
  t.notMatch(await inGuest('ls /etc/docker'), 'tsmachine-new', 'nothing half-written is left')
  await inGuest('tsmachine-service engine stop')
  const provisioned = await run('provision', NAME)
  t.equal(provisioned.code, 1)
  t.match(provisioned.stderr, FULL)
  t.match(provisioned.stderr, /no space left on device/i)
  t.match(provisioned.stderr, /Warning: Images of the host go to .* has only 0 MB free/)
  t.match(await listed(), /^Running Unknown .*Cannot reach the engine/)
})

t.test('a kernel that panics is told by ls, status and start; kill and start bring it back', async (t) => {
  await inGuest('(sleep 1; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 </dev/null &')
  // It starts again by itself half a minute later: what is asked now must see it in time.
  const panicked = async () => (await listed()).startsWith('Error')
  await poll(25_000, panicked, 50)
  const [rows, status, start] = await Promise.all([listed(), run('status', NAME), run('start', NAME)])
  t.match(rows, 'Kernel panic - not syncing: sysrq triggered crash')
  t.equal(status.stdout, 'Error\n')
  t.match(status.stderr, 'Kernel panic - not syncing: sysrq triggered crash')
  t.equal(start.code, 1)
  t.match(start.stderr, /state is Error \(Kernel panic - not syncing: sysrq triggered crash\)/)
  t.match(start.stderr, 'tsmachine kill guest')
  await user.ok(['kill', NAME])

  t.comment('its disk is still full: a start ends as soon as it is hopeless, and goes on when there is room')
  const { code, stderr } = await run('start', NAME)
  t.equal(code, 1)
  t.match(stderr, /The engine of "guest" ends as soon as it is started \(\d+ times, exit 1\)/)
  t.match(stderr, FULL)
  t.match(stderr, /Last seen:[^]*no space left on device[^]*What to do:[^]*Make room there/)
  await inGuest(EMPTY)
  await repaired(t, 'start')
})
