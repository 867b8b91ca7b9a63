import type { DriverMachine, Endpoint, JsonObject } from '../../../contracts/driver.js'
import { ConfigReader } from '../../common/config-reader.js'

/** The user that our user data makes. */
export const DEFAULT_USER = 'docker'

const SSH_PORT = 22
const ENGINE_PORT = 2376

/**
 * Where a machine is reached that has an address of its own: at the attribute `address` of its resource `server`; an
 * attribute `sshPort` stands for 22. The address is empty until the provider has told it.
 */
export function standardEndpoint(
  machine: DriverMachine,
  userOf: (config: JsonObject) => string = () => DEFAULT_USER,
): Endpoint {
  const server = machine.resources.find(({ kind }) => kind === 'server')
  const read = new ConfigReader(server?.attributes ?? {})
  const address = read.string('address')
  const port = read.integer('sshPort') ?? SSH_PORT
  return {
    address,
    ssh: { host: address, port, user: userOf(machine.config) },
    engine: { host: address, port: ENGINE_PORT },
    enginePort: ENGINE_PORT,
    sans: [],
  }
}
