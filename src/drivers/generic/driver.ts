import type { Clock } from '../../contracts/clock.js'
import type {
  Driver,
  DriverEvent,
  DriverMachine,
  Endpoint,
  MachineSpec,
  PreflightFault,
  StateReport,
} from '../../contracts/driver.js'
import { unlessAborted } from '../../util/abort.js'
import { ConfigReader } from '../common/config-reader.js'
import { privateKeyFault, resolveFault } from './preflight.js'
import { reachAll } from './reach.js'

/** Driver `generic`: the host is there; all that can be asked is whether its SSH port answers. */
export class GenericDriver implements Driver {
  constructor(private readonly clock: Clock) {}

  async preflight(spec: MachineSpec, signal: AbortSignal): Promise<readonly PreflightFault[]> {
    signal.throwIfAborted()
    const read = new ConfigReader(spec.config)
    const looks = [privateKeyFault(read.string('sshKey')), resolveFault(read.string('ipAddress'))]
    // Neither a name server nor a file (on a share, a pipe) says when it answers.
    const faults = await unlessAborted(Promise.all(looks), signal)
    return faults.filter((fault) => fault !== undefined)
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async *create(spec: MachineSpec, signal: AbortSignal): AsyncIterable<DriverEvent> {
    signal.throwIfAborted()
    const text =
      new ConfigReader(spec.config).string('sshKey') === ''
        ? 'No SSH key specified. Assuming an existing key at the default location.'
        : 'Importing SSH key...'
    yield { type: 'log', level: 'info', text }
  }

  /** As docker-machine: `Running` when the SSH port accepts a connection, else `Stopped`. */
  async states(machines: readonly DriverMachine[], signal: AbortSignal): Promise<readonly StateReport[]> {
    const ports = machines.map(({ config }) => {
      const read = new ConfigReader(config)
      return { host: read.string('ipAddress'), port: read.integer('sshPort') ?? 22 }
    })
    const reached = await reachAll(ports, { clock: this.clock, signal })
    return machines.map(({ id }, index) => ({ id, ...(reached[index] ?? { state: 'Stopped' }) }))
  }

  endpoint(machine: DriverMachine): Endpoint {
    const read = new ConfigReader(machine.config)
    const host = read.string('ipAddress')
    const enginePort = read.integer('enginePort') ?? 2376
    return {
      address: host,
      ssh: { host, port: read.integer('sshPort') ?? 22, user: read.string('sshUser') },
      engine: { host, port: enginePort },
      enginePort,
      sans: [host],
    }
  }

  /** The host is not ours: it keeps its engine. Only what a record may still list is ticked off. */
  // eslint-disable-next-line @typescript-eslint/require-await
  async *remove(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    signal.throwIfAborted()
    yield* machine.resources.map(({ kind, key }): DriverEvent => ({ type: 'removed', kind, key }))
  }
}
