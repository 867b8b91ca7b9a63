import type { Endpoint, JsonObject } from '../../../contracts/driver.js'
import { ConfigReader } from '../config-reader.js'
import { certifiedAddress } from './certified-address.js'
import { knownDriver } from './known.js'

const ENGINE_PORT = 2376
const SSH_PORT = 22

/** A machine whose driver keeps its fields to itself, as its record shows it. */
export interface RecordedMachine {
  readonly name: string
  /** `DriverName` of the record. */
  readonly driver: string
  /** Its `Driver` object. */
  readonly fields: JsonObject
  /** Where its server certificate is. */
  readonly dir: string
  /** The user's own names in that. */
  readonly sans: readonly string[]
}

/** Where such a machine is reached, as far as its record alone tells. Undefined: it names no address. */
export function recordedEndpoint(machine: RecordedMachine): Endpoint | undefined {
  const known = knownDriver(machine.driver, machine.fields)
  const read = new ConfigReader(machine.fields)
  const recorded = known.address?.(read) ?? read.string('IPAddress')
  const address = recorded || certifiedAddress(machine.dir, [...machine.sans, machine.name])
  if (address === '') return undefined
  const port = portIn(read, known.enginePort) || ENGINE_PORT
  return {
    address,
    ssh: {
      host: known.sshHost ?? address,
      port: portIn(read, 'SSHPort') || SSH_PORT,
      user: recordedUser(machine.driver, machine.fields),
    },
    engine: { host: address, port },
    enginePort: known.forwarded ? ENGINE_PORT : port,
    sans: [],
  }
}

/** The user that such a driver logs in as. */
export function recordedUser(driver: string, fields: JsonObject): string {
  const read = new ConfigReader(fields)
  return read.string('SSHUser') || (knownDriver(driver, fields).user?.(read) ?? 'root')
}

function portIn(read: ConfigReader, key: string | undefined): number {
  return key === undefined ? 0 : (read.integer(key) ?? 0)
}
