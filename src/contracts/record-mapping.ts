import type { JsonObject } from './json.js'
import type { Resource } from './record.js'

/** How a driver's records look in docker-machine's `config.json`. */
export interface RecordMapping {
  /**
   * The fields stay where they are, and nothing of them is in our own record: the driver is not here, or is a plugin whose
   * state they are (`DriverMachine.state`).
   */
  readonly unread?: true
  /** Driver-specific keys of `Driver` (the base keys are added by the store). */
  toFields(config: JsonObject, resources: readonly Resource[]): JsonObject
  /** Config and resources from the `Driver` object of a record that docker-machine wrote or changed. */
  fromFields(
    fields: JsonObject,
    previous?: { config: JsonObject; resources: readonly Resource[] },
  ): {
    config: JsonObject
    resources: readonly Resource[]
  }
  /** Fields in which docker-machine keeps a secret in clear text, by our config key: read where they are, and left. */
  readonly secretFields?: Readonly<Record<string, string>>
  /** How docker-machine's driver logs in where the record leaves it open; absent: as that user alone, with `id_rsa`. */
  login?(fields: JsonObject): RecordedLogin
}

/** A login that a record of docker-machine implies. */
export interface RecordedLogin {
  /** Empty: only a user that the record names. */
  readonly user: string
  /** Name of the private key in the machine's directory; empty: the user's own keys. */
  readonly keyFile: string
}
