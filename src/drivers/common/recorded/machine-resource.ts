/**
 * What our own record keeps of a plugin's machine: that it was made, and where it is reached. The plugin cannot say
 * what it makes; its own state names that.
 */
import type { DriverMachine, Endpoint, JsonObject } from '../../../contracts/driver.js'
import type { Resource } from '../../../contracts/record.js'
import { jsonObject } from '../../../util/json-object.js'
import { ConfigReader } from '../config-reader.js'
import { recordedEndpoint } from './endpoint.js'

const KIND = 'machine'

export function machineResource(resources: readonly Resource[]): Resource | undefined {
  return resources.find(({ kind }) => kind === KIND)
}

/** Recorded before the plugin is started, as its state is in the record from then on: nothing can have been made yet. */
export function plannedMachine(name: string, secretKeys: readonly string[]): Resource {
  return { kind: KIND, key: name, state: 'intended', attributes: { secretKeys, begun: false } }
}

/** Announced before `Create`. As long as the record says no more, nobody knows what `Create` has made. */
export function intendedMachine(name: string, secretKeys: readonly string[]): Resource {
  return { kind: KIND, key: name, state: 'intended', attributes: { secretKeys } }
}

/** `Create` failed and came to its end: what it had made is in the plugin's own state. */
export function failedMachine(name: string, secretKeys: readonly string[]): Resource {
  return { kind: KIND, key: name, state: 'intended', attributes: { secretKeys, ended: true } }
}

/** Whether `Create` was ever called. */
export function wasBegun({ attributes }: Resource): boolean {
  return attributes?.['begun'] !== false
}

/** Whether `Create` was cut: there may be a machine that no record has the id of. */
export function wasCut(resource: Resource): boolean {
  return resource.state === 'intended' && wasBegun(resource) && resource.attributes?.['ended'] !== true
}

/** @param secretKeys keys of the state that were seen to hold secrets */
export function madeMachine(
  name: string,
  endpoint: Endpoint | undefined,
  secretKeys: readonly string[],
): Resource {
  const attributes = {
    ...(endpoint ? { endpoint: JSON.parse(JSON.stringify(endpoint)) as JsonObject } : {}),
    secretKeys,
  }
  return { kind: KIND, key: name, state: 'made', attributes }
}

/**
 * The resources of a record that docker-machine wrote or changed: the machine is there, and where it is reached the
 * record says better than we know.
 */
export function recordedResources(
  fields: JsonObject,
  previous: readonly Resource[] | undefined,
): readonly Resource[] {
  const machine = machineResource(previous ?? [])
  if (machine) return [withoutEndpoint(machine)]
  if (previous) return previous
  return [madeMachine(new ConfigReader(fields).string('MachineName'), undefined, [])]
}

function withoutEndpoint({ attributes = {}, ...machine }: Resource): Resource {
  const kept = Object.entries(attributes).filter(([name]) => name !== 'endpoint')
  return { ...machine, attributes: Object.fromEntries(kept) }
}

/** Keys of the state that hold secrets, as far as create could tell. */
export function secretKeysOf(resources: readonly Resource[]): readonly string[] {
  return new ConfigReader(machineResource(resources)?.attributes ?? {}).list('secretKeys')
}

/** Where the machine was last seen; else what docker-machine's record says of it. */
export function knownEndpoint(
  driver: string,
  machine: DriverMachine,
  sans: readonly string[] = [],
): Endpoint | undefined {
  const kept = machineResource(machine.resources)?.attributes?.['endpoint']
  // Written by `madeMachine` alone.
  if (kept !== undefined) return kept as unknown as Endpoint
  const { name, dir, state } = machine
  return recordedEndpoint({ name, driver, fields: stateFields(state), dir, sans })
}

/** A plugin's state as an object; empty for what is none. */
export function stateFields(state: string | undefined): JsonObject {
  return jsonObject(state ?? '') ?? {}
}
