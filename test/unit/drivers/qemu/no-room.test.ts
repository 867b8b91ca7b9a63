/** A VM that QEMU holds for want of room, as its control socket tells it: a stand-in for QEMU with a process of its own. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DriverMachine } from '../../../../src/contracts/driver.js'
import { uuidOf } from '../../../../src/drivers/qemu/argv.js'
import { powerOff } from '../../../../src/drivers/qemu/power.js'
import { startDetached } from '../../../../src/drivers/qemu/process.js'
import { runOn } from '../../../../src/drivers/qemu/resume.js'
import { fullState } from '../../../../src/drivers/qemu/state.js'
import { readVm, vmResource } from '../../../../src/drivers/qemu/vm-record.js'
import { driverDeps, scratchDir } from '../../../helpers/driver-deps.js'

const ID = 'abcdef01'.repeat(4)
/** A file system that never has room. */
const FULL = '/proc'
const never = new AbortController().signal

interface Held {
  readonly machine: DriverMachine
  readonly scratch: string
  /** What QEMU was told, its state not counted. */
  readonly told: string[]
}

/** @param dir where the machine's files are said to lie; its own folder, which has room, when absent */
async function held(t: Test, dir?: string): Promise<Held> {
  const scratch = scratchDir(t)
  const control = join(scratch, 'control')
  const told: string[] = []
  let status = 'io-error'
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write('{"QMP": {}}\n')
    socket.on('data', (chunk) => {
      for (const line of String(chunk).split('\n').filter(Boolean)) {
        const { execute } = JSON.parse(line) as { execute: string }
        if (!['qmp_capabilities', 'query-status'].includes(execute)) told.push(execute)
        if (execute === 'cont') status = 'running'
        socket.write(`${JSON.stringify({ return: execute === 'query-status' ? { status } : {} })}\n`)
      }
    })
  }).listen(control)
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const process_ = await startDetached('/bin/sh', ['-c', 'sleep 300; :', uuidOf(ID)], join(scratch, 'log'))
  t.teardown(() => process.kill(-process_.pid, 'SIGKILL'))
  const resource = vmResource(ID, 'made', { ...readVm([]), ...process_, control })
  const machine = { id: ID, name: 'web', dir: dir ?? scratch, config: {}, resources: [resource] }
  return { machine: machine as unknown as DriverMachine, scratch, told }
}

const letGo = async (t: Test, machine: DriverMachine): Promise<void> => {
  for await (const event of runOn(driverDeps(scratchDir(t)), machine, never)) t.ok(event)
}

t.test('it is Paused, with the reason and how much room there is', async (t) => {
  const { machine } = await held(t, FULL)
  t.match(await fullState(machine, never), {
    state: 'Paused',
    error: /this computer's disk had no room .*: 0 MB are free where \/proc lies$/,
  })
})

t.test(
  'without room it is neither let go on nor stopped: both say what to do, and touch nothing',
  async (t) => {
    const { machine, told } = await held(t, FULL)
    const said = (verb: string) => ({
      code: 'driver',
      message: /^"web" cannot go on: QEMU holds it/,
      hints: [new RegExp(`Make room there .*: tsmachine ${verb} web$`), /tsmachine kill web$/],
    })
    await t.rejects(letGo(t, machine), said('start'))
    await t.rejects(powerOff(machine, driverDeps(scratchDir(t)).clock, never), said('stop'))
    t.same(told, [])
  },
)

t.test('with room it goes on', async (t) => {
  const { machine, told } = await held(t)
  await letGo(t, machine)
  t.same(told, ['cont'])
  t.match(await fullState(machine, never), { state: 'Running', error: undefined })
})
