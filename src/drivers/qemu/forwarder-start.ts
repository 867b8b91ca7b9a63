import type { DriverDeps, DriverEvent, DriverMachine } from '../../contracts/driver.js'
import type { EngineClientFiles } from '../../contracts/forwards.js'
import type { Resource } from '../../contracts/record.js'
import { bootId, processStart } from '../../util/process.js'
import { ConfigReader } from '../common/config-reader.js'
import { readConfig } from './config.js'
import { machineFiles } from './layout.js'
import { networkOf } from './network-choice.js'
import { isRunning, signalProcess, type VmProcess } from './process.js'
import { readVm, resourceOf, runningVm } from './vm-record.js'

/** Name of the helper program; also a word of its command line, by which its process is known. */
export const FORWARDER = 'port-forwarder'

/** Starts the program that follows containers' published ports, unless it runs already. It ends with its VM. */
export async function* startForwarder(
  deps: DriverDeps,
  machine: DriverMachine,
  client: EngineClientFiles,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  const config = readConfig(machine.config)
  if (!config.autoForward || networkOf(config.network).mode !== 'user' || !runningVm(machine)) return
  if (isRunning(forwarderOf(machine), FORWARDER)) return
  const announced: Resource = { kind: 'forwarder', key: 'forwarder', state: 'intended' }
  yield { type: 'intent', resource: announced }
  signal.throwIfAborted()
  const vm = readVm(machine.resources)
  const pid = await deps.spawnHelper(FORWARDER, {
    machine: machine.name,
    socket: vm.forwarder,
    state: machineFiles(machine.dir).forwards,
    host: vm.address,
    port: vm.enginePort,
    ...{ ca: client.ca, cert: client.cert, key: client.key },
  })
  const attributes = { pid, startTime: processStart(pid) ?? '', bootId: bootId() }
  yield { type: 'made', resource: { ...announced, id: String(pid), state: 'made', attributes } }
}

/** Ends the forwarder; it also ends by itself when its VM does. */
export function endForwarder(machine: DriverMachine): void {
  signalProcess(forwarderOf(machine), FORWARDER, 'SIGTERM')
}

function forwarderOf(machine: DriverMachine): VmProcess {
  const read = new ConfigReader(resourceOf(machine.resources, 'forwarder')?.attributes ?? {})
  return { pid: read.integer('pid') ?? 0, startTime: read.string('startTime'), bootId: read.string('bootId') }
}
