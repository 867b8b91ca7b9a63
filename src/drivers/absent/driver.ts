import type {
  Driver,
  DriverEvent,
  DriverMachine,
  Endpoint,
  MachineIdentity,
  MachineSpec,
  PreflightFault,
  Json,
  StateReport,
} from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import type { MachineState } from '../../contracts/state.js'
import { ConfigReader } from '../common/config-reader.js'
import { knownDriver, type KnownDriver } from './known.js'
import { certifiedAddress } from './recorded-address.js'
import type { AbsentRecord } from './index.js'

const ENGINE_PORT = 2376
const SSH_PORT = 22

/** Stands in for a driver that this version does not have: what the record says works, what asks the provider does not. */
export class AbsentDriver implements Driver {
  readonly #known: KnownDriver
  readonly #read: ConfigReader

  constructor(readonly record: AbsentRecord) {
    this.#known = knownDriver(record.driver, record.fields)
    this.#read = new ConfigReader(record.fields)
  }

  preflight(): Promise<readonly PreflightFault[]> {
    return Promise.resolve([])
  }

  create({ machine }: MachineSpec): AsyncIterable<DriverEvent> {
    return this.#refuse(machine)
  }

  states(): Promise<readonly StateReport[]> {
    return Promise.reject(this.#notHere())
  }

  /** Nothing says that it is down: what needs no more than its address may try. */
  localState(): MachineState {
    return 'Running'
  }

  endpoint(machine: DriverMachine): Endpoint {
    const host = this.#address(machine)
    const port = this.#port(this.#known.enginePort) || ENGINE_PORT
    return {
      address: host,
      ssh: {
        host: this.#known.sshHost ?? host,
        port: this.#port('SSHPort') || SSH_PORT,
        user: this.#read.string('SSHUser') || (this.#known.user?.(this.#read) ?? 'root'),
      },
      engine: { host, port },
      enginePort: this.#known.forwarded ? ENGINE_PORT : port,
      sans: [],
    }
  }

  start(machine: DriverMachine): AsyncIterable<DriverEvent> {
    return this.#refuse(machine)
  }

  stop(machine: DriverMachine): AsyncIterable<DriverEvent> {
    return this.#refuse(machine)
  }

  kill(machine: DriverMachine): AsyncIterable<DriverEvent> {
    return this.#refuse(machine)
  }

  remove(machine: DriverMachine): AsyncIterable<DriverEvent> {
    return this.#refuse(
      machine,
      ` Nothing was removed at its provider, where it is known as ${this.#remains(machine)}.`,
    )
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async *#refuse(machine: MachineIdentity, more = ''): AsyncIterable<DriverEvent> {
    throw this.#notHere(machine.name, more)
  }

  /** docker-machine's words for a driver that it does not find. */
  #notHere(machine?: string, more = ''): MachineError {
    const { driver } = this.record
    return new MachineError(
      'driver',
      `driver not here: Driver "${driver}" not found. Do you have the plugin binary accessible in your PATH?${more}`,
      {
        hints: [
          `This version has no driver ${driver}: start, stop and remove the machine at its provider.`,
          'inspect, ip, url, env, config, ssh, scp and provision work from its record.',
          `Drop the record once the machine is gone: tsmachine rm -f ${machine ?? 'NAME'}`,
        ],
        ...(machine === undefined ? {} : { machine }),
      },
    )
  }

  #address(machine: DriverMachine): string {
    const recorded = this.#known.address?.(this.#read) ?? this.#read.string('IPAddress')
    const address = recorded || certifiedAddress(machine.dir, [...this.record.sans, machine.name])
    if (address !== '') return address
    throw new MachineError('driver', `IP address is not set in the record of "${machine.name}"`, {
      machine: machine.name,
      hints: [
        `Only its driver, ${this.record.driver}, could ask for it, and this version does not have that.`,
      ],
    })
  }

  #port(key: string | undefined): number {
    return key === undefined ? 0 : (this.#read.integer(key) ?? 0)
  }

  #remains({ name }: MachineIdentity): string {
    const called = this.#read.string('MachineName') || name
    const values = this.#known.remains.map((key) => [key, wordsOf(this.record.fields[key])] as const)
    const given = values.filter(([, words]) => words !== '').map((pair) => pair.join(' '))
    return [`MachineName ${called}`, ...given].join(', ')
  }
}

/** A name, an id or a list of them; empty where there is none. */
function wordsOf(value: Json | undefined): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return value === 0 ? '' : String(value)
  return Array.isArray(value) ? value.map(wordsOf).join(' ') : ''
}
