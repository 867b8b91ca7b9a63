// What a kill -9 leaves where no record can name it: found and ended by `rm` of any machine, or ended by itself.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { DriverEvent } from '../../../../src/contracts/driver.js'
import { uuidOf } from '../../../../src/drivers/qemu/argv.js'
import { writeContainerForwards } from '../../../../src/drivers/qemu/forwards.js'
import { factory } from '../../../../src/drivers/qemu/index.js'
import {
  templateLock,
  templateMachine,
  templatePartial,
  templatesDir,
} from '../../../../src/drivers/qemu/template.js'
import { acquireLock } from '../../../../src/util/locks.js'
import { processStart } from '../../../../src/util/process.js'
import { driverDeps, machineDir, scratchDir } from '../../../helpers/driver-deps.js'
import { poll } from '../../../helpers/poll.js'
import { NEVER } from '../../../helpers/qemu-vm.js'

const ID = 'ab'.repeat(16)
const KEY = '0123456789abcdef'

async function removeMachine(dir: string): Promise<readonly DriverEvent[]> {
  const driver = await factory.open(driverDeps(dir))
  const machine = { name: 'web', id: ID, storeId: 's', dir: machineDir(dir, ID), config: {}, resources: [] }
  const events: DriverEvent[] = []
  for await (const event of driver.remove(machine, NEVER)) events.push(event)
  return events
}

/** A process with the words of a QEMU by which it is found. */
function likeQemu(t: Test, id: string): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', uuidOf(id)], {
    stdio: 'ignore',
  })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

t.test('the folder of sockets is there before a VM is recorded, and goes with the machine', async (t) => {
  const dir = scratchDir(t)
  await driverDeps(dir).runtimeDir(ID)
  await removeMachine(dir)
  t.strictSame(readdirSync(join(dir, 'run')), [])
})

t.test('a template whose making was cut goes with its VM when a machine is removed', async (t) => {
  const dir = scratchDir(t)
  const root = templatesDir(join(dir, 'cache'))
  const machine = templateMachine(KEY, templatePartial(root, KEY))
  mkdirSync(machine.dir, { recursive: true })
  const vm = likeQemu(t, machine.id)
  const ended = once(vm, 'exit')
  await driverDeps(dir).runtimeDir(machine.id)
  const alive = await acquireLock(templateLock(root, KEY), { what: 'making a template' })
  await removeMachine(dir)
  t.ok(existsSync(machine.dir), 'one that is being made stays')
  t.equal(vm.exitCode, null)
  // As a kill -9 leaves it: the lock of a process that is gone.
  const stale = { ...alive.holder, pid: vm.pid, startTime: 'another' }
  writeFileSync(alive.path, JSON.stringify(stale))
  t.strictSame(await removeMachine(dir), [])
  t.strictSame((await ended)[1], 'SIGKILL')
  t.strictSame(readdirSync(root), [], 'neither folder nor lock is left')
  t.strictSame(readdirSync(join(dir, 'run')), [])
})

t.test('a forwarder that ends late does not make the folder of a removed machine again', async (t) => {
  const dir = scratchDir(t)
  const path = join(dir, 'gone', 'forwards.json')
  await t.rejects(writeContainerForwards(path, []), { code: 'store' })
  t.notOk(existsSync(join(dir, 'gone')))
  await writeContainerForwards(join(dir, 'forwards.json'), [])
  t.equal(readFileSync(join(dir, 'forwards.json'), 'utf8'), '[]\n')
})

t.test(
  'a probe guest that never runs ends with the program that waits for it, kill -9 included',
  async (t) => {
    const dir = scratchDir(t)
    const [noted, probe] = [join(dir, 'pid'), join(dir, 'probe.ts')]
    const run = fileURLToPath(new URL('../../../../src/drivers/qemu/probe-run.ts', import.meta.url))
    const guest = `echo $$ >'${noted}.new'; mv '${noted}.new' '${noted}'; exec sleep 600`
    const words = JSON.stringify(['-c', guest])
    writeFileSync(
      probe,
      `import { runProbeGuest } from '${run}'\nvoid runProbeGuest('/bin/sh', ${words}, new AbortController().signal)\n`,
    )
    const waiting = spawn(process.execPath, ['--import', 'tsx', probe], { stdio: 'ignore' })
    t.teardown(() => waiting.kill('SIGKILL'))
    await poll(30_000, () => Promise.resolve(existsSync(noted)), 5)
    const pid = Number(readFileSync(noted, 'utf8'))
    t.ok(processStart(pid), 'it waits')
    waiting.kill('SIGKILL')
    await poll(10_000, () => Promise.resolve(processStart(pid) === undefined), 10)
    t.pass('it is gone')
  },
)
