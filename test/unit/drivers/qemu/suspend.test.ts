/** A suspend that fails at one of its steps: a stand-in for QEMU with a process of its own. */
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DriverDeps, DriverMachine } from '../../../../src/contracts/driver.js'
import { uuidOf } from '../../../../src/drivers/qemu/argv.js'
import { MemoryFile } from '../../../../src/drivers/qemu/memory-file.js'
import { startDetached } from '../../../../src/drivers/qemu/process.js'
import { withQmp } from '../../../../src/drivers/qemu/qmp.js'
import { suspendVm } from '../../../../src/drivers/qemu/suspend.js'
import { readVm, vmResource } from '../../../../src/drivers/qemu/vm-record.js'
import { withDeadline } from '../../../../src/util/wait.js'
import { driverDeps, machineDir, scratchDir } from '../../../helpers/driver-deps.js'
import { NEVER } from '../../../helpers/never.js'

const ID = 'abcdef02'.repeat(4)
const SOON_MS = 20_000

interface Command {
  readonly execute: string
  readonly arguments?: Readonly<Record<string, string>>
}

/** What QEMU answers; undefined: nothing yet, and nothing to what is asked after it. */
type Qemu = (command: Command) => object | undefined

interface Suspending {
  readonly machine: DriverMachine
  readonly deps: DriverDeps
}

async function machineOf(t: Test, answer: Qemu): Promise<Suspending> {
  const scratch = scratchDir(t)
  const control = join(scratch, 'control')
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    socket.write('{"QMP": {}}\n')
    const waiting: Command[] = []
    socket.on('data', (chunk) => {
      for (const line of String(chunk).split('\n').filter(Boolean)) waiting.push(JSON.parse(line) as Command)
      // One that hears more looks again at what it has not answered.
      for (let next = waiting[0]; next; next = waiting[0]) {
        const said = answer(
          waiting.at(-1)?.execute === 'migrate_cancel' ? { execute: 'migrate_cancel' } : next,
        )
        if (said === undefined) return
        socket.write(`${JSON.stringify({ return: said })}\n`)
        waiting.shift()
      }
    })
  }).listen(control)
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const process_ = await startDetached('/bin/sh', ['-c', 'sleep 300; :', uuidOf(ID)], join(scratch, 'log'))
  t.teardown(() => process.kill(-process_.pid, 'SIGKILL'))
  const vm = { ...readVm([]), ...process_, control, hardware: 'h' }
  const resources = [vmResource(ID, 'made', vm)]
  const config = { memory: 1 }
  const machine = { id: ID, name: 'web', storeId: '', dir: machineDir(scratch, ID), config, resources }
  return { machine, deps: driverDeps(scratch) }
}

async function suspend({ machine, deps }: Suspending, signal = NEVER): Promise<string[]> {
  const seen: string[] = []
  for await (const { type } of suspendVm(deps, machine, signal)) seen.push(type)
  return seen
}

async function soon<T>(work: Promise<T>): Promise<T> {
  return await withDeadline('the end of it', SOON_MS, () => work)
}

t.test('an abort is heard while QEMU says nothing, and the guest is let go on', async (t) => {
  const stop = new AbortController()
  let isCancelled = false
  const qemu: Qemu = ({ execute }) => {
    if (execute === 'migrate_cancel') isCancelled = true
    if (execute === 'query-migrate' && !isCancelled) return void stop.abort(new Error('Ctrl-C'))
    return execute === 'query-status' ? { status: 'running' } : {}
  }
  await t.rejects(soon(suspend(await machineOf(t, qemu), stop.signal)), { message: 'Ctrl-C' })
  t.ok(isCancelled)
})

t.test('a memory that cannot be kept after all: the guest does not stand still', async (t) => {
  const told: string[] = []
  const made: { dir?: string } = {}
  const qemu: Qemu = ({ execute, arguments: given }) => {
    told.push(execute)
    if (execute === 'migrate') {
      createConnection(given?.['uri']?.replace('unix:', '') ?? '').end('memory')
      // Nothing takes the place of a folder.
      mkdirSync(join(made.dir ?? '', 'memory.json', 'in-the-way'), { recursive: true })
    }
    if (execute === 'query-migrate') return { status: 'completed' }
    return execute === 'query-status' ? { status: told.includes('cont') ? 'running' : 'postmigrate' } : {}
  }
  const suspending = await machineOf(t, qemu)
  made.dir = suspending.machine.dir
  await t.rejects(soon(suspend(suspending)), /memory\.json/)
  t.ok(told.includes('cont'), 'it runs on')
  t.notOk(existsSync(join(made.dir, 'memory.saved.partial')))
})

t.test('the connection of a QEMU that hangs ends with what it was for', async (t) => {
  const dir = scratchDir(t)
  const memory = await MemoryFile.listen(join(dir, 'save'), join(dir, 'memory'))
  const qemu = createConnection(join(dir, 'save'))
  qemu.on('error', () => undefined).write('the first of it')
  await once(qemu, 'connect')
  await soon(
    (async () => {
      while (!existsSync(join(dir, 'memory'))) await new Promise((resolve) => setTimeout(resolve, 5))
    })(),
  )
  // Also with an error: bytes that nobody read any more are a reset.
  const closed = new Promise((resolve) => qemu.once('close', resolve))
  await memory.close()
  await soon(closed)
  t.pass('QEMU takes that as a failed migration')
})

t.test('a QEMU that takes the connection and then hangs is not waited for without end', async (t) => {
  const { machine } = await machineOf(t, ({ execute }) => (execute === 'qmp_capabilities' ? {} : undefined))
  const { control } = readVm(machine.resources)
  const asked = withQmp(control, NEVER, async (qmp) => await qmp.execute('query-status'), 50)
  await t.rejects(soon(asked), { code: 'timeout', message: /did not answer in 0\.05 s/ })
})
