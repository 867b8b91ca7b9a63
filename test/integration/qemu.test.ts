// The qemu driver with a real QEMU and no operating system in it.
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { TCG } from '../../src/drivers/qemu/accelerators.js'
import { factory } from '../../src/drivers/qemu/index.js'
import { freePort } from '../../src/drivers/qemu/ports.js'
import { probeArgv, probeFirmware } from '../../src/drivers/qemu/probe-guest.js'
import { runProbeGuest } from '../../src/drivers/qemu/probe-run.js'
import { readVm } from '../../src/drivers/qemu/vm-record.js'
import { systemClock } from '../../src/util/clock.js'
import { waitFor } from '../../src/util/wait.js'
import { driverDeps, scratchDir } from '../helpers/driver-deps.js'
import { FakeClock } from '../helpers/fake-clock.js'
import { accepts, closed, listen, NEVER, Vm } from '../helpers/qemu-vm.js'

t.test('a VM with a 64-character name in a folder with blanks, commas and quotes', async (t) => {
  const vm = await Vm.make(t, {}, { name: 'n'.repeat(64), under: `my, "store" it's=on,${'s'.repeat(40)}` })
  t.strictSame(await vm.driver.preflight(vm.spec, NEVER), [])
  await vm.create()
  t.equal(await vm.state(), 'Running')
  t.equal(vm.driver.localState?.(vm.machine), 'Running')
  t.match(vm.driver.endpoint(vm.machine), {
    address: '127.0.0.1',
    ssh: { user: 'docker' },
    enginePort: 2376,
    sans: ['127.0.0.1', 'localhost', vm.name, '10.0.2.15'],
  })
  for (const port of [readVm(vm.resources).sshPort, readVm(vm.resources).enginePort])
    t.ok(await accepts(port), `port ${port}`)
  for (const file of ['root.qcow2', 'console.log', 'qemu.log', 'seed/user-data'])
    t.equal(statSync(join(vm.dir, file)).mode & 0o077, 0, file)
})

t.test('sealing takes the private key out of what the guest sees, without changing its size', async (t) => {
  const vm = await Vm.make(t)
  await vm.create()
  const path = join(vm.dir, 'seed', 'user-data')
  const size = statSync(path).size
  await vm.driver.seal?.(vm.machine, { metaData: '{}\n', userData: '#cloud-config\n{}\n' })
  t.equal(statSync(path).size, size)
  t.notMatch(readFileSync(path, 'utf8'), /SECRET/)
  t.match(readFileSync(path, 'utf8'), /^#cloud-config\n\{\}\n+$/)
})

t.test(
  'the VM outlives its maker, is started again on the same ports, and on others when those are taken',
  async (t) => {
    const vm = await Vm.make(t)
    await vm.create()
    const first = readVm(vm.resources)
    await vm.start()
    t.equal(readVm(vm.resources).pid, first.pid, 'starting a running VM does nothing')
    const pidFile = join(vm.dir, 'qemu.pid')
    t.equal(readFileSync(pidFile, 'utf8').trim(), String(first.pid))
    await vm.kill()
    t.equal(await vm.state(), 'Stopped')
    t.notOk(existsSync(pidFile), 'a computer that shares the store sees that it has ended')
    await vm.kill()
    await vm.start()
    const second = readVm(vm.resources)
    t.not(second.pid, first.pid)
    t.strictSame([second.sshPort, second.enginePort], [first.sshPort, first.enginePort])
    await vm.kill()
    const other = await listen(first.sshPort)
    t.teardown(() => closed(other))
    t.match((await vm.start()).slice(-1), [
      { type: 'log', level: 'warn', text: new RegExp(`Port ${first.sshPort} .* taken`) },
    ])
    const third = readVm(vm.resources)
    t.not(third.sshPort, first.sshPort)
    t.equal(third.enginePort, first.enginePort)
    t.ok(await accepts(third.sshPort))
  },
)

t.test('a port that the user fixed is used, or refused when it is taken', async (t) => {
  const port = await freePort()
  const vm = await Vm.make(t, { 'qemu-ssh-port': port })
  await vm.create()
  t.equal(readVm(vm.resources).sshPort, port)
  t.strictSame(await vm.driver.preflight(vm.spec, NEVER), [], 'its own port does not count as taken')
  await vm.kill()
  const other = await listen(port)
  t.teardown(() => closed(other))
  t.match(await vm.driver.preflight(vm.spec, NEVER), [
    { message: new RegExp(`Port ${port} .* taken`), hint: /--qemu-ssh-port/ },
  ])
  await t.rejects(vm.start(), { code: 'driver', message: /taken by another program/ })
  t.equal(await vm.state(), 'Stopped', 'nothing is left running')
})

t.test('states: killed from outside, paused, panicked, shut down', async (t) => {
  const vm = await Vm.make(t)
  await vm.create()
  await vm.qmp('stop')
  t.equal(await vm.state(), 'Paused')
  await vm.qmp('cont')
  t.equal(await vm.state(), 'Running')
  writeFileSync(join(vm.dir, 'console.log'), '[  1.0] Kernel panic - not syncing: Attempted to kill init!\n')
  t.match(await vm.driver.states([vm.machine], NEVER), [{ state: 'Error', error: /Attempted to kill init/ }])
  process.kill(readVm(vm.resources).pid, 'SIGKILL')
  await waitFor(
    'the end',
    async () => (vm.driver.localState?.(vm.machine) === 'Stopped' ? true : undefined),
    { deadlineMs: 5_000 },
  )
  t.equal(await vm.state(), 'Stopped')
  t.ok(existsSync(join(vm.dir, 'qemu.pid')), 'a killed QEMU leaves its pid file')
  await vm.start()
  t.equal(await vm.state(), 'Running', 'the panic belongs to the run before')
})

t.test(
  'another computer that starts it at the same moment keeps it, and no QEMU is started here',
  async (t) => {
    const vm = await Vm.make(t)
    await vm.create()
    await vm.kill()
    const [pidFile, log] = ['qemu.pid', 'qemu.log'].map((name) => join(vm.dir, name)) as [string, string]
    const own = vm.resources
    vm.resources = own.map((each) =>
      each.kind === 'vm'
        ? { ...each, attributes: { ...each.attributes, host: 'laptop', hostId: '0'.repeat(32), bootId: 'b' } }
        : each,
    )
    rmSync(log)
    const runtimeDir = async (id: string): Promise<string> => {
      writeFileSync(pidFile, '4711\n')
      return await vm.deps.runtimeDir(id)
    }
    const driver = await factory.open({ ...vm.deps, runtimeDir })
    const start = async (): Promise<void> => {
      for await (const event of driver.start?.(vm.machine, undefined, NEVER) ?? [])
        t.equal(event.type, 'log', 'the record goes on naming the other computer')
    }
    await t.rejects(start(), { code: 'driver', message: /"vm" belongs to another computer now.*laptop/ })
    t.equal(readFileSync(pidFile, 'utf8'), '4711\n')
    t.notOk(existsSync(log))
    vm.resources = own
  },
)

t.test('stop says what it waited for when the guest does not hear the power button', async (t) => {
  const vm = await Vm.make(t, {}, { deps: { clock: new FakeClock() } })
  const real = await factory.open({ ...vm.deps, clock: systemClock })
  await vm.record(real.create(vm.spec, NEVER))
  writeFileSync(join(vm.dir, 'console.log'), 'last words of the guest\n')
  await t.rejects(vm.record(vm.driver.stop?.(vm.machine, NEVER)), {
    code: 'timeout',
    message: /Gave up waiting for "vm" to power off/,
    evidence: /last words of the guest/,
    hints: ['Cut its power: tsmachine kill vm'],
  })
  t.equal(await vm.state(), 'Running')
  await vm.record(real.remove(vm.machine, NEVER))
})

t.test('preflight finds what is missing, all at once', async (t) => {
  const vm = await Vm.make(t, {
    'qemu-memory': 1024 * 1024,
    'qemu-image': '/nowhere/image.qcow2',
    'qemu-network': 'bridge=nobridge',
    'qemu-share': ['/nowhere/folder:/src'],
  })
  t.match(await vm.driver.preflight(vm.spec, NEVER), [
    { message: /1048576 MB of memory, but only/, hint: /--qemu-memory/ },
    { message: /\/nowhere\/image.qcow2 does not exist/ },
    { message: /no bridge nobridge/, hint: /ip link/ },
    { message: /\/nowhere\/folder .* does not exist/ },
  ])
})

t.test('preflight refuses images that need other files or do not fit', async (t) => {
  const vm = await Vm.make(t)
  const backed = join(vm.dir, 'backed.qcow2')
  const base = join(vm.dir, 'base.qcow2')
  for (const args of [
    ['-f', 'qcow2', base, '3G'],
    ['-f', 'qcow2', '-b', base, '-F', 'qcow2', backed],
  ])
    await new Promise((resolve) => spawn('qemu-img', ['create', '-q', ...args]).once('close', resolve))
  const faults = async (image: string): Promise<unknown> =>
    await vm.driver.preflight({ ...vm.spec, config: { ...vm.config, image } }, NEVER)
  t.match(await faults(backed), [{ message: /needs another file/, hint: /qemu-img convert/ }])
  t.match(await faults(base), [{ message: /a disk of 3072 MB/, hint: /--qemu-disk-size 3072/ }])
})

/** A program that says what QEMU says when it is asked, and does what `otherwise` says when it shall run a VM. */
function fakeQemu(dir: string, options: { version?: string; netdevs?: string; otherwise?: string }): string {
  const path = join(dir, 'qemu-system-x86_64')
  writeFileSync(
    path,
    `#!/bin/sh
case "$*" in
*--version*) echo '${options.version ?? 'QEMU emulator version 7.2.22 (Debian)'}' ;;
*help*) printf '${options.netdevs ?? 'Available netdev backend types:\\nsocket\\nuser\\n'}' ;;
*) ${options.otherwise ?? 'exit 1'} ;;
esac
`,
  )
  chmodSync(path, 0o755)
  return path
}

t.test('a QEMU that is missing, too old, without user networking, or none at all', async (t) => {
  const cases: [string, RegExp, RegExp | undefined][] = [
    ['/nowhere/qemu', /"\/nowhere\/qemu" is not installed/, /apt-get install qemu-system-x86/],
    [
      fakeQemu(scratchDir(t), { version: 'QEMU emulator version 5.2.0' }),
      /version 5.2.0; at least 6.0 is needed/,
      /newer QEMU/,
    ],
    [
      fakeQemu(scratchDir(t), { netdevs: 'Available netdev backend types:\\nsocket\\ntap\\n' }),
      /without user networking/,
      /libslirp/,
    ],
    [fakeQemu(scratchDir(t), { version: 'GNU coreutils' }), /is not QEMU/, /--qemu-program/],
  ]
  for (const [program, message, hint] of cases) {
    const vm = await Vm.make(t, { 'qemu-program': program })
    t.match(await vm.driver.preflight(vm.spec, NEVER), [{ message, hint }], program)
  }
})

t.test('a QEMU that ends at once: its own words are the evidence, and nothing is left', async (t) => {
  const program = fakeQemu(scratchDir(t), { otherwise: 'echo "qemu: could not open disk image" >&2; exit 1' })
  const vm = await Vm.make(t, { 'qemu-program': program })
  await t.rejects(vm.create(), {
    code: 'driver',
    message: 'QEMU ended at once',
    evidence: /could not open disk image/,
  })
  t.match(vm.resources, [{}, {}, { kind: 'vm', state: 'intended' }])
  t.equal(await vm.state(), 'Stopped')
  t.notOk(existsSync(join(vm.dir, 'qemu.pid')))
})

t.test('create without a boot image and without --qemu-image names the command that makes one', async (t) => {
  const vm = await Vm.make(t, { 'qemu-image': '' })
  await t.rejects(vm.create(), { code: 'image', hints: [/tsmachine image build/] })
})

t.test('the probe guest speaks where guests run, and a QEMU that gives up is not waited for', async (t) => {
  const dir = scratchDir(t)
  const firmware = join(dir, 'probe.bin')
  writeFileSync(firmware, probeFirmware())
  const probe = (program: string): ReturnType<typeof runProbeGuest> =>
    runProbeGuest(program, probeArgv(firmware, TCG.accel, TCG.cpu), NEVER)
  t.match(await probe('qemu-system-x86_64'), { ok: true })
  const started = performance.now()
  const gaveUp = fakeQemu(dir, { otherwise: 'echo "KVM internal error. Suberror: 1" >&2; exec sleep 60' })
  t.match(await probe(gaveUp), { ok: false, text: /cannot run it \(KVM internal error/ })
  t.ok(performance.now() - started < 4_000, 'before the deadline')
  t.match(await probe(fakeQemu(dir, { otherwise: 'echo "no /dev/kvm" >&2; exit 1' })), {
    ok: false,
    text: 'no /dev/kvm',
  })
})

t.test('doctor: QEMU and the accelerators of this computer', async (t) => {
  const findings = await factory.diagnose?.(driverDeps(scratchDir(t)), { probe: true, signal: NEVER })
  t.match(findings?.[0], { check: 'qemu', ok: true, text: /qemu-system-x86_64 \d+\.\d+/ })
  t.match(findings?.at(-1), { check: 'accelerator tcg', ok: true })
})
