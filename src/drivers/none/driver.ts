import type {
  Driver,
  DriverEvent,
  DriverMachine,
  Endpoint,
  MachineSpec,
  PreflightFault,
  StateReport,
} from '../../contracts/driver.js'
import type { MachineState } from '../../contracts/state.js'
import { ConfigReader } from '../common/config-reader.js'
import { engineAddress } from './url.js'

/** Driver `none`: there is nothing to make, to ask or to remove. */
export class NoneDriver implements Driver {
  preflight(_spec: MachineSpec, signal: AbortSignal): Promise<readonly PreflightFault[]> {
    return allowed(signal, [])
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async *create(spec: MachineSpec, signal: AbortSignal): AsyncIterable<DriverEvent> {
    signal.throwIfAborted()
    const url = new ConfigReader(spec.config).string('url')
    if (engineAddress(url).host === '')
      yield {
        type: 'log',
        level: 'warn',
        text: `${url} names no host and port: only what needs no address will work`,
      }
  }

  /** As docker-machine: such a host counts as running, `ls` shows whether its engine answers. */
  states(machines: readonly DriverMachine[], signal: AbortSignal): Promise<readonly StateReport[]> {
    return allowed(
      signal,
      machines.map(({ id }) => ({ id, state: 'Running' })),
    )
  }

  localState(): MachineState {
    return 'Running'
  }

  restsOn(): 'record' {
    return 'record'
  }

  endpoint(machine: DriverMachine): Endpoint {
    const url = new ConfigReader(machine.config).string('url')
    const { host, port } = engineAddress(url)
    return { address: host, engine: { host, port }, enginePort: port, sans: [], url }
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async *remove(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    signal.throwIfAborted()
    yield* machine.resources.map(({ kind, key }): DriverEvent => ({ type: 'removed', kind, key }))
  }
}

/** A value that was at hand anyway, unless the call was aborted before. */
function allowed<T>(signal: AbortSignal, value: T): Promise<T> {
  return signal.aborted ? Promise.reject(signal.reason as Error) : Promise.resolve(value)
}
