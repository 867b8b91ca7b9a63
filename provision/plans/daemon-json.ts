import { MachineError } from '../../src/contracts/errors.js'
import type { Json, JsonObject } from '../../src/contracts/json.js'
import type { InitSystem, Wanted } from '../../src/contracts/provision.js'
import type { EngineChoices } from '../../src/contracts/record.js'
import { engineOption } from './engine-flags.js'
import { LOCAL_SOCKET, placesOf } from './places.js'

/**
 * What daemon.json must say: TLS by our certificates, and the choices of `create`. On our image also the addresses;
 * elsewhere these are on the command line, where a unit's own `-H` can stay beside ours.
 */
export function wantedDaemon(wanted: Wanted, init: InitSystem): JsonObject {
  return [base(wanted, init), ...choiceParts(wanted.engine, wanted.driver)].reduce((all, part) =>
    combine(all, part, later),
  )
}

function base(wanted: Wanted, init: InitSystem): JsonObject {
  // Its start script's profile has these as flags.
  if (init === 'boot2docker') return {}
  const { tls } = placesOf(init)
  return {
    tls: true,
    tlsverify: true,
    tlscacert: tls.ca,
    tlscert: tls.cert,
    tlskey: tls.key,
    ...(init === 'tsmachine' ? { hosts: [`tcp://0.0.0.0:${wanted.enginePort}`, LOCAL_SOCKET] } : {}),
  }
}

function choiceParts(choices: EngineChoices, driver: string): JsonObject[] {
  const lists = {
    labels: [...choices.labels, `provider=${driver}`],
    'insecure-registries': choices.insecureRegistries,
    'registry-mirrors': choices.registryMirrors,
  }
  return [
    ...choices.opts.map(engineOption),
    ...Object.entries(lists).flatMap(([key, values]) => (values.length > 0 ? [{ [key]: [...values] }] : [])),
    ...(choices.storageDriver ? [{ 'storage-driver': choices.storageDriver }] : []),
  ]
}

/**
 * The host's daemon.json with ours put in. Lists are joined, maps merged, equal values left. Of two labels with one key
 * ours counts: dockerd takes only one, and the host may have been another machine's before.
 * @throws MachineError `provision` naming a key that says something else there
 */
export function mergeDaemon(existing: string, ours: JsonObject, path: string): JsonObject {
  return combine(parseDaemon(existing, path), ours, (key, theirs, wanted) => {
    throw new MachineError(
      'provision',
      `${path} on the host already sets "${key}" to ${JSON.stringify(theirs)}, and this machine needs ${JSON.stringify(wanted)}`,
      {
        hints: [`Remove "${key}" from ${path} on the host, or choose the same value for the machine.`],
      },
    )
  })
}

/** @throws MachineError `provision` when the host's file is not one JSON object */
export function parseDaemon(text: string, path: string): JsonObject {
  if (text.trim() === '') return {}
  try {
    const value = JSON.parse(text) as Json
    if (isObject(value)) return value
  } catch {
    // Told below, without the parser's position: the text may hold passwords of proxies.
  }
  throw new MachineError('provision', `${path} on the host is not a JSON object`, {
    hints: [`Correct or remove ${path} on the host.`],
  })
}

/** The file's text: what the engine reads and people edit. */
export function daemonText(value: JsonObject): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

type OnConflict = (path: string, first: Json, second: Json) => Json

/** Among our own choices the later one counts, as with the flags of dockerd. */
const later: OnConflict = (_path, _first, second) => second

function combine(first: JsonObject, second: JsonObject, onConflict: OnConflict, path = ''): JsonObject {
  // A map: a key may be one that every object inherits.
  const result = new Map(Object.entries(first))
  for (const [key, value] of Object.entries(second)) {
    const before = result.get(key)
    result.set(key, before === undefined ? value : join(before, value, `${path}${key}`, onConflict))
  }
  return Object.fromEntries(result)
}

function join(first: Json, second: Json, path: string, onConflict: OnConflict): Json {
  if (Array.isArray(first) && Array.isArray(second))
    return union(path === 'labels' ? first.filter(otherThan(second)) : first, second)
  if (isObject(first) && isObject(second)) return combine(first, second, onConflict, `${path}.`)
  return JSON.stringify(first) === JSON.stringify(second) ? first : onConflict(path, first, second)
}

function union(first: readonly Json[], second: readonly Json[]): Json[] {
  const seen = new Set(first.map((value) => JSON.stringify(value)))
  return [...first, ...second.filter((value) => !seen.has(JSON.stringify(value)))]
}

/** Labels whose keys are not among these. */
function otherThan(labels: readonly Json[]): (label: Json) => boolean {
  const keys = new Set(labels.map(labelKey))
  return (label) => !keys.has(labelKey(label))
}

function labelKey(label: Json): Json {
  return typeof label === 'string' ? label.replace(/=.*/s, '') : label
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
