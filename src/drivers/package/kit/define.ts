import type {
  Driver,
  DriverCapabilities,
  DriverDeps,
  DriverFactory,
  DriverMachine,
  Endpoint,
  JsonObject,
} from '../../../contracts/driver.js'
import { CLOUD_CAPABILITIES } from '../../common/cloud/capabilities.js'
import type { ConfigReader } from '../../common/config-reader.js'
import { parseWith } from '../../common/flags.js'
import { DEFAULT_USER, standardEndpoint } from './endpoint.js'
import { standardRecord } from './record.js'

type Inherited = Pick<
  DriverFactory,
  | 'name'
  | 'summary'
  | 'flags'
  | 'powerRefusal'
  | 'userData'
  | 'seedUser'
  | 'clientKey'
  | 'ownUserData'
  | 'userDataLimit'
  | 'hasCredentials'
  | 'inventoryPlace'
  | 'adopt'
  | 'login'
  | 'diagnose'
>

/** What a driver package tells of itself: the one argument of `defineDriver`. */
export interface DriverDefinition extends Inherited {
  /** The contract that it was written against, as a text of its own (`'1.0.0'`): never read from this package. */
  readonly contract: string
  /** Only what differs from `DEFAULT_CAPABILITIES`. */
  readonly capabilities?: Partial<DriverCapabilities>
  /** Faults beyond names, types and options of flags, each told with `fault`: all come out together. */
  check?(read: ConfigReader, fault: (text: string) => void): void
  /** Where a machine is reached, from its record alone; absent: at the `address` attribute of its resource `server`. */
  endpoint?(machine: DriverMachine): Endpoint
  /** The working half. Load what is heavy in here. */
  open(deps: DriverDeps): DriverWork | Promise<DriverWork>
}

/** A driver's working half; its endpoint is in the definition. */
export type DriverWork = Omit<Driver, 'endpoint'>

/** The export of a driver package, under the name `driver`. */
export interface DriverPackage {
  readonly contract: string
  readonly factory: PackagedFactory
}

export interface PackagedFactory extends DriverFactory {
  /** Its endpoint is the standard one: nobody has to ask the driver's process for it. */
  readonly hasStandardEndpoint: boolean
}

/** What a cloud driver without anything special can do. */
export const DEFAULT_CAPABILITIES: DriverCapabilities = {
  ...CLOUD_CAPABILITIES,
  access: false,
  inventory: false,
}

/** Makes the export of a driver package: `export const driver = defineDriver({ ... })`. */
export function defineDriver(definition: DriverDefinition): DriverPackage {
  const { name, flags, contract } = definition
  const factory: PackagedFactory = {
    ...definition,
    capabilities: { ...DEFAULT_CAPABILITIES, ...definition.capabilities },
    hasStandardEndpoint: definition.endpoint === undefined,
    parse: (values) =>
      parseWith(flags, values, (read, fault): JsonObject => {
        for (const flag of flags)
          if (flag.required && isMissing(read.all()[flag.key]))
            fault(`${name} driver requires the --${flag.name} option`)
        definition.check?.(read, fault)
        return read.all()
      }),
    record: standardRecord(flags),
    open: async (deps) =>
      Object.assign(await definition.open(deps), {
        endpoint: (machine: DriverMachine) =>
          definition.endpoint?.(machine) ??
          standardEndpoint(machine, (config) => definition.seedUser?.(config) ?? DEFAULT_USER),
      }),
  }
  return { contract, factory }
}

function isMissing(value: JsonObject[string] | undefined): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
}
