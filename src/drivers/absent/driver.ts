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
import { knownDriver } from '../common/recorded/known.js'
import { knownEndpoint } from '../common/recorded/machine-resource.js'
import type { AbsentRecord } from './index.js'
import { missingDriver } from './missing.js'

/** Stands in for a driver that this version does not have: what the record says works, what asks the provider does not. */
export class AbsentDriver implements Driver {
  constructor(readonly record: AbsentRecord) {}

  preflight(): Promise<readonly PreflightFault[]> {
    return Promise.resolve([])
  }

  create({ machine }: MachineSpec): AsyncIterable<DriverEvent> {
    return this.#refuse(machine)
  }

  states([machine]: readonly DriverMachine[]): Promise<readonly StateReport[]> {
    return Promise.reject(this.#notHere(machine?.name, '', dropHints(machine?.name)))
  }

  /** Nothing says that it is down: what needs no more than its address may try. */
  localState(): MachineState {
    return 'Running'
  }

  /** @throws MachineError `driver` where the record names no address */
  endpoint(machine: DriverMachine): Endpoint {
    const endpoint = knownEndpoint(this.record.driver, machine, this.record.sans)
    if (endpoint) return endpoint
    throw new MachineError('driver', `IP address is not set in the record of "${machine.name}"`, {
      machine: machine.name,
      hints: [
        `Only its driver, ${this.record.driver}, could ask for it, and this version does not have that.`,
      ],
    })
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
      [],
    )
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async *#refuse(
    { name }: MachineIdentity,
    more = '',
    last: readonly string[] = dropHints(name),
  ): AsyncIterable<DriverEvent> {
    throw this.#notHere(name, more, last)
  }

  #notHere(machine: string | undefined, more: string, last: readonly string[]): MachineError {
    const { text, hints } = missingDriver(this.record)
    return new MachineError('driver', `driver not here: ${text}${more}`, {
      hints: [
        ...hints,
        'Until then start, stop and remove the machine at its provider.',
        'inspect, ip, url, env, config, ssh, scp and provision work from its record.',
        ...last,
      ],
      ...(machine === undefined ? {} : { machine }),
    })
  }

  #remains({ name }: MachineIdentity): string {
    const { driver, fields } = this.record
    const called = new ConfigReader(fields).string('MachineName') || name
    const values = knownDriver(driver, fields).remains.map((key) => [key, wordsOf(fields[key])] as const)
    const given = values.filter(([, words]) => words !== '').map((pair) => pair.join(' '))
    return [`MachineName ${called}`, ...given].join(', ')
  }
}

/** `rm` says this itself. */
function dropHints(machine: string | undefined): readonly string[] {
  return machine === undefined ? [] : [`Drop the record once the machine is gone: tsmachine rm -f ${machine}`]
}

/** A name, an id or a list of them; empty where there is none. */
function wordsOf(value: Json | undefined): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return value === 0 ? '' : String(value)
  return Array.isArray(value) ? value.map(wordsOf).join(' ') : ''
}
