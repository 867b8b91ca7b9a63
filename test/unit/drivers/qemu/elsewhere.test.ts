/** A store on a shared disk: a VM that another computer has started is that computer's. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Driver, DriverEvent, DriverMachine, MachineSpec } from '../../../../src/contracts/driver.js'
import { uuidOf } from '../../../../src/drivers/qemu/argv.js'
import { claimPidFile } from '../../../../src/drivers/qemu/elsewhere.js'
import { FORWARDER } from '../../../../src/drivers/qemu/forwarder-start.js'
import { factory } from '../../../../src/drivers/qemu/index.js'
import { type VmRecord, vmResource } from '../../../../src/drivers/qemu/vm-record.js'
import { bootId, hostIdentity, processStart } from '../../../../src/util/process.js'
import { driverDeps, scratchDir } from '../../../helpers/driver-deps.js'

const NEVER = new AbortController().signal
const ID = 'ab'.repeat(16)
const OTHER = { host: 'laptop', hostId: '0'.repeat(32), bootId: 'another-boot' }

interface Case {
  readonly driver: Driver
  readonly machine: DriverMachine
  readonly pidFile: string
  /** Processes here with the pids, starts and marks that the record names for VM and forwarder. */
  readonly alike: readonly ChildProcess[]
}

async function sleeper(t: Test, mark: string): Promise<ChildProcess> {
  const child = spawn('sleep', ['600'], { argv0: mark, stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  return child
}

/** A machine whose VM was started as `where` says, and whose pids are by chance those of processes here. */
async function recorded(t: Test, where: Partial<VmRecord>, { pidFile = true } = {}): Promise<Case> {
  const scratch = scratchDir(t)
  const dir = join(scratch, 'machines', 'web')
  mkdirSync(dir, { recursive: true })
  const [vm, forwarder] = [await sleeper(t, uuidOf(ID)), await sleeper(t, FORWARDER)]
  const [first, second] = [vm, forwarder].map(({ pid = 0 }) => ({ pid, startTime: processStart(pid) ?? '' }))
  const sockets = { control: join(scratch, 'no-qmp'), forwarder: '', guest: '' }
  const started = { accel: 'tcg', qemu: '', hardware: 'h', image: '' }
  const at = { address: '127.0.0.1', sshPort: 40122, enginePort: 40123 }
  const record = { ...OTHER, pid: 0, startTime: '', ...first, ...sockets, ...started, ...at, ...where }
  const attributes = { ...second, bootId: record.bootId }
  const resources = [
    { kind: 'disk', key: 'root.qcow2', id: 'root.qcow2', state: 'made' as const },
    vmResource(uuidOf(ID), 'made', record),
    { kind: 'forwarder', key: 'forwarder', id: '1', state: 'made' as const, attributes },
  ]
  for (const name of ['root.qcow2', ...(pidFile ? ['qemu.pid'] : [])]) writeFileSync(join(dir, name), 'x')
  const config = { image: '/never', program: '/never' }
  const machine: DriverMachine = { name: 'web', id: ID, dir, config, resources, storeId: 'store' }
  const driver = await factory.open(driverDeps(scratch))
  return { driver, machine, pidFile: join(dir, 'qemu.pid'), alike: [vm, forwarder] }
}

async function all(events: AsyncIterable<DriverEvent> | undefined): Promise<readonly DriverEvent[]> {
  const seen: DriverEvent[] = []
  for await (const event of events ?? []) seen.push(event)
  return seen
}

const areAlive = (children: readonly ChildProcess[]): boolean =>
  children.every(({ pid = 0, exitCode, signalCode }) => {
    return exitCode === null && signalCode === null && processStart(pid) !== undefined
  })

t.test('no verb touches it or what has its pid here, and all say where it is', async (t) => {
  const { driver, machine, pidFile, alike } = await recorded(t, {})
  const seed = { metaData: '{}\n', userData: '#cloud-config\n' }
  const spec: MachineSpec = { ...machine, machine, seed, sshUser: 'docker', tags: {} }
  const verbs: Readonly<Record<string, () => AsyncIterable<DriverEvent> | undefined>> = {
    start: () => driver.start?.(machine, undefined, NEVER),
    stop: () => driver.stop?.(machine, NEVER),
    kill: () => driver.kill?.(machine, NEVER),
    remove: () => driver.remove(machine, NEVER),
    create: () => driver.create(spec, NEVER),
  }
  for (const [verb, run] of Object.entries(verbs))
    await t.rejects(
      all(run()),
      {
        code: 'driver',
        message: '"web" belongs to another computer now: its VM was started on laptop',
        hints: ['Stop it there: tsmachine stop web', new RegExp(`switched off.*: rm '${pidFile}'`)],
      },
      verb,
    )
  t.match(await driver.states([machine], NEVER), [{ state: 'Error', error: /started on laptop/ }])
  t.equal(driver.localState?.(machine), 'Error', 'env has no address of it')
  await t.rejects(all(driver.suspend?.(machine, NEVER)))
  t.ok(areAlive(alike))
  t.same(readdirSync(machine.dir).sort(), ['qemu.pid', 'root.qcow2'], 'nothing was written or removed')
  t.equal(readFileSync(join(machine.dir, 'root.qcow2'), 'utf8'), 'x')
})

t.test(
  'once its QEMU has removed its pid file it is anybody’s, and processes alike are still not it',
  async (t) => {
    const { driver, machine, alike } = await recorded(t, {}, { pidFile: false })
    t.match(await driver.states([machine], NEVER), [{ state: 'Stopped' }])
    await all(driver.kill?.(machine, NEVER))
    await all(driver.remove(machine, NEVER))
    t.notOk(existsSync(join(machine.dir, 'root.qcow2')))
    t.ok(areAlive(alike))
  },
)

t.test(
  'a VM of this computer is this computer’s, after a reboot and under another name as well',
  async (t) => {
    const here = hostIdentity()
    const rows: Readonly<Record<string, Partial<VmRecord>>> = {
      'after a reboot': { ...here },
      'in another container of this kernel': { bootId: bootId(), pid: 0, startTime: '' },
      'of a version that did not note it': { host: '', hostId: '' },
      ...(here.hostId === '' ? {} : { 'renamed since': { ...here, host: 'old-name' } }),
    }
    for (const [what, where] of Object.entries(rows)) {
      const { driver, machine, alike } = await recorded(t, where)
      t.equal(driver.localState?.(machine), 'Stopped', what)
      await all(driver.kill?.(machine, NEVER))
      t.ok(areAlive(alike), what)
    }
  },
)

t.test('what was made before the VM was announced goes with rm', async (t) => {
  const { driver, machine, pidFile } = await recorded(t, {})
  const resources = machine.resources.filter(({ kind }) => kind === 'disk')
  await all(driver.remove({ ...machine, resources }, NEVER))
  t.notOk(existsSync(pidFile))
})

t.test('of two computers that start it at once one gets the pid file', async (t) => {
  const { machine, pidFile } = await recorded(t, {}, { pidFile: false })
  claimPidFile(machine)
  t.throws(() => claimPidFile(machine), { code: 'driver', message: /started on laptop/ })
  const own = await recorded(t, { ...hostIdentity() })
  claimPidFile(own.machine)
  t.equal(readFileSync(own.pidFile, 'utf8'), '', 'what a killed QEMU has left here counts for nothing')
  rmSync(pidFile)
})
