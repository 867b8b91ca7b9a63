/**
 * Records of docker-machine before version 3, lifted in memory. docker-machine lifts them too; what it gets wrong
 * (docs/docker-machine.md, Store) is right here.
 */
import { dirname, isAbsolute, join } from 'node:path'
import type { JsonObject } from '../contracts/record.js'
import { authOptionsAt, ENGINE_OPTIONS, type RecordPlace, SWARM_OPTIONS } from './blank-record.js'

/** A parsed file of any shape. */
type Fields = Readonly<Record<string, unknown>>

/** Keys at the top level of version 0 that belong into `SwarmOptions`. */
const SWARM_KEYS_OF_V0 = { SwarmHost: 'Host', SwarmMaster: 'Master', SwarmDiscovery: 'Discovery' }

/** @returns the same record in the shape of version 3, for the schema to check */
export function liftRecord(old: Fields, place: RecordPlace): Fields {
  const host = fieldsOf(old['HostOptions'])
  const dir = machineDirOf(old, place)
  const driver = fieldsOf(old['Driver'])
  const recorded = text(driver['StorePath'])
  return {
    ConfigVersion: 3,
    Driver: { ...driver, StorePath: recorded === '' ? rootOf(dir, place) : recorded },
    DriverName: old['DriverName'],
    HostOptions: {
      Driver: text(host['Driver']),
      Memory: host['Memory'] ?? 0,
      Disk: host['Disk'] ?? 0,
      EngineOptions: engineOptions(fieldsOf(host['EngineOptions']), 'ConfigVersion' in old),
      SwarmOptions: swarmOptions(old, fieldsOf(host['SwarmOptions'])),
      AuthOptions: authOptions(old, fieldsOf(host['AuthOptions']), dir, place),
    },
    Name: place.name,
  }
}

/** Up to version 1 the machine's directory is at the top, from 1 on also in `AuthOptions`, there sometimes as the root. */
function machineDirOf(old: Fields, place: RecordPlace): string {
  const auth = fieldsOf(fieldsOf(old['HostOptions'])['AuthOptions'])
  const named = [text(old['StorePath']), text(auth['StorePath'])]
  return named.find((path) => isAbsolute(path) && dirname(path).endsWith('machines')) ?? place.dir
}

function rootOf(dir: string, place: RecordPlace): string {
  return dir === place.dir ? place.root : dirname(dirname(dir))
}

/** Choices that a user made are kept, what has no value gets its first one. Version 0 has only zero values for flags. */
function engineOptions(old: Fields, isComplete: boolean): Fields {
  const options = { ...ENGINE_OPTIONS, ...chosen(old, Object.keys(ENGINE_OPTIONS)) }
  return isComplete ? options : { ...options, TlsVerify: true }
}

function swarmOptions(old: Fields, host: Fields): JsonObject {
  const zero = {
    ...SWARM_OPTIONS,
    Host: '',
    Image: '',
    Strategy: '',
    ArbitraryFlags: null,
    ArbitraryJoinFlags: null,
  }
  const top = Object.entries(SWARM_KEYS_OF_V0).flatMap(([from, to]) =>
    old[from] === undefined ? [] : [[to, old[from]]],
  )
  return { ...zero, ...chosen(host, Object.keys(SWARM_OPTIONS)), ...Object.fromEntries(top) } as JsonObject
}

/** Version 0 has the paths at the top, 1 calls the CA's key by another name. A path that is missing is where it always is. */
function authOptions(old: Fields, auth: Fields, dir: string, place: RecordPlace): Fields {
  const usual = authOptionsAt({ ...place, dir, root: rootOf(dir, place) })
  const named = Object.fromEntries(
    Object.keys(usual).map((key) => [
      key,
      text(auth[key]) || text(old[key]) || text(oldName(key, old, auth)),
    ]),
  )
  const certs = isAbsolute(text(auth['CertDir'])) ? text(auth['CertDir']) : join(rootOf(dir, place), 'certs')
  return {
    ...usual,
    ...chosen(named, Object.keys(named)),
    CertDir: certs,
    StorePath: dir,
    ServerCertSANs: auth['ServerCertSANs'] ?? null,
  }
}

function oldName(key: string, old: Fields, auth: Fields): unknown {
  return key === 'CaPrivateKeyPath' ? (auth['PrivateKeyPath'] ?? old['PrivateKeyPath']) : undefined
}

/** Of these keys those that have a value: Go's zero values count as not set. */
function chosen(from: Fields, keys: readonly string[]): Fields {
  const set = keys.filter((key) => !['', null, undefined].includes(from[key] as string | null | undefined))
  return Object.fromEntries(set.map((key) => [key, from[key]]))
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
