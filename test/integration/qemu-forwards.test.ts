// Forwarded ports of the qemu driver with a real QEMU, a real helper process and a double of the engine.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { JsonObject } from '../../src/contracts/json.js'
import { spawnHelper } from '../../src/cli/spawn-helper.js'
import { freePort } from '../../src/drivers/qemu/ports.js'
import { readVm } from '../../src/drivers/qemu/vm-record.js'
import { processAlive } from '../../src/util/process.js'
import { waitFor } from '../../src/util/wait.js'
import { FakeEngine } from '../doubles/engine.js'
import { testCertificates } from '../helpers/certificates.js'
import { accepts, closed, listen, NEVER, Vm } from '../helpers/qemu-vm.js'

t.test('forwards by hand: added, listed, made again at the next start', async (t) => {
  const vm = await Vm.make(t)
  await t.rejects(vm.forward(1, 80), {
    code: 'not-running',
  })
  await vm.create()
  const hostPort = await freePort()
  await vm.forward(hostPort, 80)
  await vm.forward(hostPort, 80)
  await t.rejects(vm.forward(hostPort, 81), {
    message: /taken/,
  })
  t.match(await vm.driver.forwards?.(vm.machine), [
    { source: 'ssh', guestPort: 22 },
    { source: 'engine', guestPort: 2376 },
    { source: 'manual', guestPort: 80, hostPort },
  ])
  t.ok(await accepts(hostPort))
  await vm.kill()
  t.strictSame(await vm.driver.forwards?.(vm.machine), [])
  t.notOk(await accepts(hostPort))
  await vm.start()
  t.ok(await accepts(hostPort))
  const forward = { protocol: 'tcp', guestPort: 80, hostPort } as const
  await vm.driver.removeForward?.(vm.machine, forward)
  t.notOk(await accepts(hostPort))
  t.equal((await vm.driver.forwards?.(vm.machine))?.length, 2)
  await t.rejects(async () => vm.driver.removeForward?.(vm.machine, forward), { code: 'driver' })
})

t.test('the forwarder follows containers, says which port is taken, and ends with its VM', async (t) => {
  const vm = await Vm.make(t)
  await vm.create()
  const certificates = await testCertificates()
  t.teardown(() => certificates.remove())
  const engine = await FakeEngine.start({ ca: certificates.ca.caPem, ...certificates.server })
  t.teardown(() => engine.stop())
  const file = (name: string): string => join(certificates.dir, name)
  const pid = await spawnHelper(
    'port-forwarder',
    {
      socket: readVm(vm.resources).forwarder,
      state: join(vm.dir, 'forwards.json'),
      host: '127.0.0.1',
      port: engine.port,
      ...{ ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') },
    },
    process.env,
  )
  const [web, taken] = [await freePort(), await freePort()]
  const other = await listen(taken)
  const publish = (name: string, port: number): object => ({
    ...{ Id: name, Names: [`/${name}`], State: 'running' },
    Ports: [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: port, Type: 'tcp' }],
  })
  await waitFor('the forwarder to listen', async () => (engine.listeners > 0 ? true : undefined), {
    deadlineMs: 20_000,
  })
  engine.containers.push(publish('web', web), publish('db', taken))
  engine.emit('start', 'web')
  const rows = async (): Promise<readonly unknown[]> =>
    (await vm.driver.forwards?.(vm.machine))?.slice(2) ?? []
  await waitFor('the forward', async () => ((await rows()).length > 0 ? true : undefined), {
    deadlineMs: 2_000,
    intervalMs: 20,
  })
  t.match(await rows(), [
    { source: 'container', container: 'web', hostPort: web, guestPort: web, error: undefined },
    { source: 'container', container: 'db', hostPort: taken, error: /taken by another program/ },
  ])
  t.ok(await accepts(web))
  await closed(other)
  await waitFor('the taken port', async () => ((await accepts(taken)) ? true : undefined), {
    deadlineMs: 10_000,
  })
  engine.containers.splice(0, 1)
  engine.emit('die', 'web')
  await waitFor('the port to close', async () => ((await accepts(web)) ? undefined : true), {
    deadlineMs: 2_000,
    intervalMs: 20,
  })
  engine.endStreams()
  await waitFor('the forwarder to come back', async () => (engine.listeners > 0 ? true : undefined), {
    deadlineMs: 10_000,
  })
  t.ok(await accepts(taken), 'an engine that restarts keeps its ports')
  t.ok(processAlive({ pid }))
  await vm.kill()
  await waitFor('the forwarder to end', async () => (processAlive({ pid }) ? undefined : true), {
    deadlineMs: 5_000,
  })
  t.notOk(existsSync(join(vm.dir, 'forwards.json')))
})

/** Forwarder programs that run for a VM: each has the VM's socket among its arguments. */
function forwardersOf(vm: Vm): string[] {
  const { forwarder } = readVm(vm.resources)
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry) || !existsSync(`/proc/${entry}/cmdline`)) return false
    const words = commandLine(entry)
    return words.includes('port-forwarder') && words.some((word) => word.includes(forwarder))
  })
}

/** Nothing for a process that ends meanwhile. */
function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}

t.test('a helper program runs for a VM, and none with --no-qemu-auto-forward', async (t) => {
  const certificates = await testCertificates()
  t.teardown(() => certificates.remove())
  const file = (name: string): string => join(certificates.dir, `${name}.pem`)
  const client = { ca: file('ca'), cert: file('cert'), key: file('key') }
  const deps = {
    spawnHelper: (name: string, args: JsonObject) => spawnHelper(name, args, process.env),
  }
  for (const auto of [true, false]) {
    const vm = await Vm.make(t, { 'qemu-auto-forward': auto }, { deps })
    await vm.create()
    await vm.record(vm.driver.engineReady?.(vm.machine, client, NEVER))
    t.equal(forwardersOf(vm).length, auto ? 1 : 0, `auto-forward ${auto}`)
    t.equal(vm.resources.filter(({ kind }) => kind === 'forwarder').length, auto ? 1 : 0)
    await vm.kill()
    await waitFor('the forwarder to end', async () => (forwardersOf(vm).length === 0 ? true : undefined), {
      deadlineMs: 20_000,
    })
  }
})
