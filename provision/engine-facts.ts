import type { EngineFacts, InitSystem } from '../src/contracts/provision.js'
import { dockerOptions } from './plans/options-file.js'
import { parseOsRelease } from './os-release.js'
import { ownExecStart, parseUnits } from './units.js'

/** facts.sh's document: everything is text. */
export type RawFacts = Readonly<Record<string, string>>

type Read = (raw: RawFacts, root: string) => EngineFacts | undefined

/** The engine that a host has, by what starts it there. */
export function engineFacts(raw: RawFacts, init: InitSystem, root: string): EngineFacts | undefined {
  return READERS[init](raw, root)
}

/** By systemd's words for a unit, and those of facts.sh and our image for a service. */
const STATES: ReadonlyMap<string, EngineFacts['state']> = new Map([
  ['active', 'ready'],
  ['reloading', 'ready'],
  ['activating', 'starting'],
  ['running', 'ready'],
  ['starting', 'starting'],
])

const READERS: Readonly<Record<InitSystem, Read>> = {
  tsmachine: (raw) => ({
    path: raw['dockerd'] ?? '',
    version: parseOsRelease(raw['os_release'] ?? '')['VERSION_ID'] ?? '',
    state: STATES.get(raw['engine_state'] ?? '') ?? 'stopped',
    socketActivated: false,
    service: 'engine',
    enabled: true,
    ours: true,
  }),
  systemd: systemdEngine,
  openrc: serviceEngine,
  boot2docker: serviceEngine,
  unknown: (raw, root) => (raw['dockerd'] ? serviceEngine(raw, root) : undefined),
}

/** Besides `enabled`: units that cannot be enabled, because others start them. */
const STARTS_AT_BOOT: ReadonlySet<string> = new Set(['enabled', 'static', 'generated'])

function systemdEngine(raw: RawFacts, root: string): EngineFacts | undefined {
  const units = parseUnits(raw['units'] ?? '')
  const unit = units['docker.service']
  const known = unit !== undefined && unit.LoadState !== 'not-found' && unit.LoadState !== ''
  const execStart = ownExecStart(raw['unit_text'] ?? '')
  const path = raw['dockerd'] ? withoutRoot(raw['dockerd'], root) : (execStart?.split(/\s/)[0] ?? '')
  if (!path && !known) return undefined
  return {
    path,
    version: engineVersion(raw),
    state: STATES.get(unit?.ActiveState ?? '') ?? 'stopped',
    socketActivated: units['docker.socket']?.ActiveState === 'active',
    ...(known ? { service: 'docker.service' } : {}),
    enabled: STARTS_AT_BOOT.has(unit?.UnitFileState ?? ''),
    ours: (execStart ?? path).startsWith('/opt/tsmachine/'),
    ...(execStart === undefined ? {} : { execStart }),
  }
}

/** Services that are scripts with a file of options: OpenRC's, and those of docker-machine's image. */
function serviceEngine(raw: RawFacts, root: string): EngineFacts | undefined {
  const script = raw['service_text'] ?? ''
  const ours = script.includes('/opt/tsmachine/')
  const path = withoutRoot(raw['dockerd'] ?? '', root) || (ours ? '/opt/tsmachine/current/bin/dockerd' : '')
  if (script === '' && path === '') return undefined
  const options = raw['options_path']
  const text = raw['options_text'] ?? ''
  return {
    path,
    version: engineVersion(raw),
    state: STATES.get(raw['engine_state'] ?? '') ?? 'stopped',
    socketActivated: false,
    ...(script === '' ? {} : { service: 'docker' }),
    enabled: raw['engine_enabled'] === 'yes',
    ours,
    ...(options
      ? { execStart: dockerOptions(text), optionsFile: { path: withoutRoot(options, root), text } }
      : {}),
  }
}

function engineVersion(raw: RawFacts): string {
  return /version ([^\s,]+)/.exec(raw['engine_version'] ?? '')?.[1] ?? ''
}

/** A path as the host itself has it: tests put a folder before all of them. */
export function withoutRoot(path: string, root: string): string {
  return root !== '' && path.startsWith(`${root}/`) ? path.slice(root.length) : path
}
