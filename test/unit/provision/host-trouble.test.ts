import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Facts, Step } from '../../../src/contracts/provision.js'
import { isMachineError } from '../../../src/contracts/errors.js'
import { apply } from '../../../provision/apply.js'
import { engineLog } from '../../../provision/engine-log.js'
import { splitTrouble, troubleHints, troubleTexts } from '../../../provision/host-trouble.js'
import { file, run } from '../../../provision/plans/steps.js'
import { warnings } from '../../../provision/plans/warnings.js'
import { ALL_TOOLS, fakeHost, type FakeHost, type Tools } from '../../helpers/fake-host.js'
import { debianFacts, imageFacts, wanted } from '../../helpers/provision-input.js'

const NOW = new Date('2026-11-22T08:00:00Z')
const seconds = (time: string): number => Date.parse(time) / 1000

const texts = (output: string): readonly string[] => troubleTexts(splitTrouble(output, NOW).trouble, NOW)

/** A df that knows one file system, with this much of it left. */
function df(host: FakeHost, freeKiB: number, freeInodes: number): void {
  const rows = `1) echo "/dev/vdb 65536 10 ${freeInodes} 1% ${host.root}/data" ;; *) echo "/dev/vdb 990000 1 ${freeKiB} 1% ${host.root}/data" ;;`
  host.fake(
    'df',
    `echo Filesystem of a host\ncase $1 in -Pi) set 1;; *) set 2;; esac\ncase $1 in ${rows} esac`,
  )
}

function host(t: { teardown(work: () => void): void }, tools: Tools = 'dash'): FakeHost {
  const made = fakeHost(tools)
  t.teardown(() => made.remove())
  made.fake('tsmachine-service', 'echo "the engine says no"')
  made.fake('dmesg')
  made.put('var/lib/docker/x', '')
  return made
}

const ask = async (on: FakeHost): Promise<Awaited<ReturnType<typeof engineLog>>> =>
  await engineLog(on.shell, 30, { root: on.root })

// busybox's shell takes its own df and dmesg, whatever PATH has: test/chaos/guest.test.ts fills a disk of our image.
for (const tools of ALL_TOOLS) {
  t.test(`${tools}: a host that has all it needs is said nothing of, but its clock is known`, async (t) => {
    const { log, trouble } = await ask(host(t, tools))
    t.equal(log, 'the engine says no')
    t.ok(trouble.clock && Math.abs(trouble.clockSkewS) < 60)
    t.same(troubleTexts({ ...trouble, full: [], killed: [] }), [])
  })
}

t.test('a full file system is told once, with figures, beside the engine’s log', async (t) => {
  const on = host(t)
  on.put('var/lib/containerd/x', '')
  df(on, 12, 60_000)
  const { log, trouble } = await ask(on)
  t.equal(log, 'the engine says no')
  const mount = join(on.root, 'data')
  t.same(trouble.full, [{ mount, size: 990_000 * 1024, free: 12 * 1024, of: 'bytes' }])
  t.match(troubleTexts(trouble), [`The host's file system ${mount} is full (12 kB free of 1013 MB)`])
  t.match(troubleHints(trouble, 'web')[0], 'tsmachine provision web')
  t.equal(on.shell.roundTrips, 1)
})

t.test(`one without inodes is full, too; one with room and a read-only one are not`, async (t) => {
  const on = host(t)
  df(on, 400_000, 3)
  t.match(troubleTexts((await ask(on)).trouble), [/\/data is full \(3 inodes free of 65536\)$/])
  df(on, 400_000, 60_000)
  t.same((await ask(on)).trouble.full, [])
  df(on, 0, 0)
  on.put('proc/mounts', `/dev/vdb ${on.root}/data squashfs ro,relatime 0 0\n`)
  t.same((await ask(on)).trouble.full, [])
})

t.test(`what the kernel killed for memory is told while it is news`, async (t) => {
  const on = host(t)
  df(on, 400_000, 60_000)
  on.put('proc/uptime', '2000.50 1.0\n')
  on.put('proc/meminfo', 'MemTotal: 262144 kB\nMemAvailable: 1024 kB\n')
  const line = 'Out of memory: Killed process 77 (dockerd) total-vm:1kB'
  on.fake('dmesg', `echo '[  100.1] Out of memory: Killed process 5 (old)'\necho '[ 1900.25] ${line}'`)
  const { trouble } = await ask(on)
  t.same(trouble.killed, [line])
  t.match(troubleTexts(trouble), [`The host has run out of memory (268 MB): ${line}`])
  t.match(troubleHints(trouble, 'web'), [/more memory/])
})

for (const tools of ALL_TOOLS) {
  t.test(`${tools}: a host that has no room keeps its old name and its list of hosts`, async (t) => {
    const on = host(t, tools)
    on.put('etc/hosts', '127.0.0.1 localhost\n')
    on.put('etc/hostname', 'before\n')
    const name = async (): Promise<void> => {
      const steps = [run(['sh', '@lib/hostname.sh', 'web'], 'name the host')]
      const plan = { steps, engine: { source: 'host' as const, port: 2376 }, warnings: [] }
      await apply(on.shell, plan, { facts: { sudo: 'root' } as Facts, root: on.root })
    }
    for (const file of ['hostname', 'hosts']) {
      symlinkSync('/dev/full', join(on.root, `etc/${file}.tsmachine-new`))
      await t.rejects(name(), { message: 'The host could not name the host' })
    }
    t.equal(on.read('etc/hosts'), '127.0.0.1 localhost\n')
    await name()
    t.equal(on.read('etc/hosts'), '127.0.0.1 localhost\n127.0.1.1 web\n')
    t.equal(on.read('etc/hostname'), 'web\n')
  })
}

t.test(`a file that found no room leaves nothing of itself`, async (t) => {
  const on = host(t)
  on.put('etc/key', 'old', 0o600)
  on.fake('cp', 'printf half >"$2"; echo "cp: write error: No space left on device" >&2; exit 1')
  const step: Step = file('/etc/key', 'a new key', 'install the key', { mode: '600' })
  const plan = { steps: [step], engine: { source: 'host' as const, port: 2376 }, warnings: [] }
  await t.rejects(apply(on.shell, plan, { facts: { sudo: 'root' } as Facts, root: on.root }), {
    message: 'The host could not install the key',
    evidence: /No space left/,
  })
  t.equal(on.read('etc/key'), 'old')
  t.notOk(on.has('etc/key.tsmachine-new'))
})

t.test('a clock that is years off is told with both times, and how to set it', (t) => {
  const years = `@@host clock ${seconds('2029-11-21T08:00:00Z')}`
  t.same(texts(years), ["The host's clock says 2029-11-21T08:00:00Z, this computer's 2026-11-22T08:00:00Z"])
  const hints = troubleHints(splitTrouble(years, NOW).trouble, 'web')
  t.match(hints[0], "sudo date -s @$(($(date +%s) - 94608000))', then: tsmachine provision web")
  t.same(texts(`@@host clock ${seconds('2026-11-22T08:03:00Z')}`), [], 'some minutes harm nobody')
  t.match(texts(`@@host clock ${seconds('2023-11-23T08:00:00Z')}`)[0], '2023-11-23T08:00:00Z')
  t.end()
})

t.test('nonsense and hostile words of a host are left out, or are only told', (t) => {
  t.same(
    texts('@@host full\n@@host full / x y\n@@host clock soon\n@@host memory\n@@host\n@@host inodes 1 2'),
    [],
  )
  const { trouble } = splitTrouble('@@host full /a;reboot $(id) 10 0', NOW)
  t.match(troubleTexts(trouble, NOW)[0], '/a;reboot $(id) is full')
  t.notMatch(troubleHints(trouble, 'web')[0], 'reboot', 'no command to paste has it')
  t.end()
})

t.test('a disk of our image is as large as its owner wanted: a warning comes when it is nearly full', (t) => {
  const said = (init: 'tsmachine' | 'systemd', freeBytes: number): readonly string[] => {
    const data = { path: '/var/lib/docker', mount: '/data', freeBytes, isReadOnly: false, isNoexec: false }
    const facts = init === 'tsmachine' ? imageFacts({ data }) : debianFacts({ data })
    return warnings(facts, wanted()).filter((text) => text.includes('MB free'))
  }
  t.same(said('tsmachine', 900_000_000), [])
  t.match(said('tsmachine', 3_000_000), [/\/data has only 3 MB free/])
  t.match(said('systemd', 900_000_000), [/only 900 MB free/])
  t.end()
})

t.test('long output of a step is cut between lines', async (t) => {
  const on = fakeHost('dash')
  t.teardown(() => on.remove())
  const script = 'i=0; while [ $i -lt 35 ]; do printf "%0200d\\n" $i; i=$((i + 1)); done; exit 1'
  const plan = {
    steps: [{ kind: 'run' as const, argv: ['sh', '-c', script], why: 'talk' }],
    engine: { source: 'host' as const, port: 2376 },
    warnings: [],
  }
  const failure: unknown = await apply(on.shell, plan, {
    facts: { sudo: 'root' } as Facts,
    root: on.root,
  }).catch((error: unknown) => error)
  const evidence = isMachineError(failure) ? (failure.evidence ?? '') : ''
  t.ok(evidence.length > 3000, 'there is a lot')
  t.ok(evidence.split('\n').every((line) => line.length === 200))
})
