// Suspend and resume of the qemu driver with a real QEMU and no operating system in it.
import { spawnSync } from 'node:child_process'
import {
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { DriverEvent } from '../../src/contracts/driver.js'
import { readVm } from '../../src/drivers/qemu/vm-record.js'
import { waitFor } from '../../src/util/wait.js'
import { closed, listen, Vm } from '../helpers/qemu-vm.js'
import type { Task } from '../helpers/suspend-worker.js'

type Line =
  DriverEvent | { readonly type: 'failed'; readonly message: string; readonly hints: readonly string[] }

/** Works on a machine in another process and records what that had time to say. */
async function elsewhere(
  vm: Vm,
  task: Omit<Task, 'scratch' | 'machine'>,
  limit = '',
): Promise<{ readonly lines: readonly Line[]; readonly signal: string | null }> {
  const word = JSON.stringify({ ...task, scratch: vm.scratch, machine: vm.machine } satisfies Task)
  const node = [process.execPath, '--import', 'tsx', 'test/helpers/suspend-worker.ts', word]
  const words = ['-c', `${limit} exec "$0" "$@"`, ...node]
  const { stdout, stderr, signal } = spawnSync('/bin/sh', words, { encoding: 'utf8', timeout: 60_000 })
  if (stderr !== '') throw new Error(stderr)
  const lines = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line)
  await vm.record(eventsOf(lines))
  return { lines, signal }
}

async function* eventsOf(lines: readonly Line[]): AsyncIterable<DriverEvent> {
  for (const line of lines) if (line.type !== 'failed') yield await Promise.resolve(line)
}

const memory = (vm: Vm): readonly string[] => readdirSync(vm.dir).filter((name) => name.startsWith('memory'))
const runs = async (vm: Vm): Promise<unknown> =>
  ((await vm.qmp('query-status')) as { status: unknown }).status

t.test('a suspended VM is Saved and holds no process; start goes on with it on the same ports', async (t) => {
  const vm = await Vm.make(t)
  await vm.create()
  const before = readVm(vm.resources)
  const events = await vm.suspend()
  t.match(events.at(-1), { type: 'log', text: /^Its memory takes \d+ MB of disk, written in [\d.]+ s$/ })
  t.equal(vm.driver.localState?.(vm.machine), 'Saved')
  t.equal(await vm.state(), 'Saved')
  await t.rejects(vm.qmp('query-status'), 'QEMU has ended')
  t.strictSame(memory(vm), ['memory.json', 'memory.saved'])
  for (const name of memory(vm)) t.equal(statSync(join(vm.dir, name)).mode & 0o777, 0o600, name)

  const again = await vm.start()
  t.match(again.at(-1), { type: 'removed', kind: 'saved-memory' })
  t.equal(await runs(vm), 'running')
  t.strictSame(memory(vm), [])
  const { sshPort, enginePort } = readVm(vm.resources)
  t.strictSame([sshPort, enginePort], [before.sshPort, before.enginePort])
  await vm.suspend()
  const other = await listen(sshPort)
  t.teardown(() => closed(other))
  t.match((await vm.start()).at(-1), {
    type: 'log',
    level: 'warn',
    text: new RegExp(`Port ${sshPort} .* taken`),
  })
  t.not(readVm(vm.resources).sshPort, sshPort)
})

t.test(
  'our process is killed while it suspends: the VM runs, or stands still until start lets it go on',
  async (t) => {
    const points = [
      { what: 'event', name: 'intent saved-memory', state: 'Running' },
      { what: 'open', name: 'memory.saved.partial', state: 'Running' },
      { what: 'rename', name: 'memory.json', state: 'Paused' },
      { what: 'rename', name: 'memory.saved', state: 'Paused' },
      { what: 'rename', name: 'memory.saved', after: true, state: 'Paused' },
    ] as const
    const vm = await Vm.make(t)
    await vm.create()
    const { pid } = readVm(vm.resources)
    for (const { state, ...at } of points) {
      const { signal } = await elsewhere(vm, { verb: 'suspend', at })
      t.equal(signal, 'SIGKILL', at.name)
      await waitFor(
        `${state} after ${at.name}`,
        async () => ((await vm.state()) === state ? true : undefined),
        {
          deadlineMs: 10_000,
          intervalMs: 50,
        },
      )
      await vm.start()
      t.equal(await runs(vm), 'running', at.name)
      t.equal(readVm(vm.resources).pid, pid, 'the same QEMU')
    }
    t.strictSame(memory(vm), [], 'nothing is left of what was cut')
    await vm.suspend()
    t.equal(await vm.state(), 'Saved')
  },
)

t.test('what was saved is used although QEMU and we died before that was recorded', async (t) => {
  const vm = await Vm.make(t)
  await vm.create()
  await elsewhere(vm, { verb: 'suspend', at: { what: 'rename', name: 'memory.saved', after: true } })
  process.kill(readVm(vm.resources).pid, 'SIGKILL')
  await waitFor('it to end', async () => ((await vm.state()) === 'Saved' ? true : undefined), {
    deadlineMs: 5_000,
  })
  await vm.start()
  t.equal(await runs(vm), 'running')
})

t.test('QEMU is killed while it saves: the machine is stopped, as after a power cut', async (t) => {
  for (const at of [
    { what: 'event', name: 'intent saved-memory' },
    { what: 'open', name: 'memory.saved.partial' },
  ] as const) {
    const vm = await Vm.make(t)
    await vm.create()
    const { lines } = await elsewhere(vm, { verb: 'suspend', at, victim: readVm(vm.resources).pid })
    t.match(lines.at(-1), {
      type: 'failed',
      message: /QEMU ended while the memory of "vm" was saved: .*power cut/,
    })
    t.equal(await vm.state(), 'Stopped')
    t.strictSame(memory(vm), [])
    await vm.start()
    t.equal(await runs(vm), 'running')
  }
})

t.test('a disk that is full, or a file-size limit, is told in words and the VM runs on', async (t) => {
  const vm = await Vm.make(t)
  await vm.create()
  const room = await elsewhere(vm, { verb: 'suspend', freeBytes: 1024 * 1024 })
  t.match(room.lines, [{ type: 'failed', message: /^Its memory may need \d+ MB in .*, and 1 MB are free$/ }])
  const cut = await elsewhere(vm, { verb: 'suspend' }, 'ulimit -f 512;')
  t.match(cut.lines.at(-1), {
    type: 'failed',
    message: /memory.saved.partial: the file would be larger than/,
  })
  t.equal(await runs(vm), 'running')
  t.strictSame(memory(vm), [])
})

t.test('Ctrl-C lets it run on', async (t) => {
  const stop = new AbortController()
  const vm = await Vm.make(t)
  await vm.create()
  const why = new Error('interrupted')
  const events = vm.driver.suspend?.(vm.machine, stop.signal)
  await t.rejects(
    vm.record(
      (async function* () {
        for await (const event of events ?? []) {
          yield event
          // Seen before the transfer begins, but acted on only in it.
          if (event.type === 'intent') setImmediate(() => stop.abort(why))
        }
      })(),
    ),
    why,
  )
  t.equal(await runs(vm), 'running')
  t.strictSame(memory(vm), [])
})

t.test('our process is killed while it resumes: the memory is loaded again, or the VM goes on', async (t) => {
  const points = [
    { what: 'event', name: 'intent vm', state: 'Saved' },
    { what: 'event', name: 'made vm', state: 'Paused' },
  ] as const
  for (const { state, ...at } of points) {
    const vm = await Vm.make(t)
    await vm.create()
    await vm.suspend()
    await elsewhere(vm, { verb: 'start', at })
    t.equal(await vm.state(), state, at.name)
    await vm.start()
    t.equal(await runs(vm), 'running', at.name)
    t.strictSame(memory(vm), [])
  }
})

t.test(
  'memory that does not fit is refused with a way out, and dropped where nothing could use it',
  async (t) => {
    const vm = await Vm.make(t)
    await vm.create()
    const info = join(vm.dir, 'memory.json')
    const misfits = [
      [{ qemu: '0.1' }, /suspended with QEMU 0\.1, and this is \d/],
      [{ image: 'abc' }, /its boot image abc is no longer here/],
      [{ hardware: 'other' }, /its settings, or the way/],
      [{ processor: 'Z80' }, /another processor \(Z80/],
    ] as const
    await vm.suspend()
    const saved = readFileSync(info, 'utf8')
    for (const [change, message] of misfits) {
      writeFileSync(info, JSON.stringify({ ...(JSON.parse(saved) as object), ...change }))
      await t.rejects(vm.start(), { code: 'driver', message, hints: [/start --cold vm$/] })
      t.equal(await vm.state(), 'Saved')
    }
    writeFileSync(info, saved)
    const file = openSync(join(vm.dir, 'memory.saved'), 'r+')
    writeSync(file, Buffer.alloc(64, 0xff), 0, 64, 0)
    await t.rejects(vm.start(), {
      message: /could not load the saved memory/,
      evidence: /not a migration stream/i,
    })
    t.equal(await vm.state(), 'Saved', 'nothing runs')
    await vm.kill()
    t.equal(await vm.state(), 'Stopped')
    t.strictSame(memory(vm), [], 'kill drops it')

    await vm.start()
    await vm.suspend()
    utimesSync(join(vm.dir, 'root.qcow2'), 1, 1)
    t.equal(await vm.state(), 'Stopped', 'something ran on its disk since')
    t.match(await vm.start(), [
      { type: 'log', level: 'warn', text: /Its disk has changed/ },
      { type: 'removed' },
    ])
    await vm.suspend()
    truncateSync(join(vm.dir, 'memory.saved'), 1000)
    t.match(await vm.start(), [{ type: 'log', level: 'warn', text: /is not whole/ }, { type: 'removed' }])
    await vm.suspend()
    await vm.remove()
    t.strictSame(readdirSync(vm.dir), [], 'rm leaves nothing')
  },
)

t.test('what cannot be suspended says why', async (t) => {
  const refusals = [
    [{ 'qemu-share': [t.testdir()] }, /it has a shared folder/],
    [{ 'qemu-network': 'passt' }, /its network \(passt\)/],
    [{ 'qemu-network': 'bridge=br0' }, /on a bridge its address is only lent/],
  ] as const
  for (const [flags, message] of refusals) {
    const vm = await Vm.make(t, flags)
    await t.rejects(vm.suspend(), { code: 'driver', message, hints: ['Stop it instead: tsmachine stop vm'] })
  }
  const vm = await Vm.make(t)
  await t.rejects(vm.suspend(), { code: 'not-running' })
  await vm.create()
  vm.resources = vm.resources.map((row) =>
    row.kind === 'vm' ? { ...row, attributes: { ...row.attributes, hardware: '' } } : row,
  )
  await t.rejects(vm.suspend(), { message: /older version/, hints: [/tsmachine restart vm/] })
})
