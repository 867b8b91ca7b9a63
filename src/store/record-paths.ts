/** Paths of a record as they are on this computer now: docker-machine writes absolute ones, and stores get moved. */
import { isAbsolute, join, sep, win32 } from 'node:path'
import type { AuthOptionsV3, Json, MachineRecord } from '../contracts/record.js'
import { authOptionsAt, type RecordPlace } from './blank-record.js'
import { isDirectory } from './directories.js'

/** Changes only what cannot be right. Nothing is written: the next writer does it. */
export function settlePaths(record: MachineRecord, place: RecordPlace): MachineRecord {
  const recorded = text(record.config.Driver['StorePath'])
  if (recorded === place.root) return withUsualPaths(record, place, recorded)
  if (!isAnyAbsolute(recorded)) return withUsualPaths(withRoot(record, place.root), place, recorded)
  const oldDir = join(recorded, 'machines', text(record.config.Driver['MachineName']) || place.name)
  if (isDirectory(oldDir)) return withUsualPaths(record, place, recorded)
  return withUsualPaths(movedRecord(record, recorded, place.root), place, place.root)
}

function withRoot(record: MachineRecord, root: string): MachineRecord {
  const { config } = record
  return { ...record, config: { ...config, Driver: { ...config.Driver, StorePath: root } } }
}

/** What is missing, relative, or docker-machine's mistake when it lifted an old record, becomes the usual path. */
function withUsualPaths(record: MachineRecord, place: RecordPlace, recorded: string): MachineRecord {
  const { HostOptions: host } = record.config
  const auth = host.AuthOptions
  const usual = authOptionsAt(place)
  const isDir = isAnyAbsolute(auth.StorePath) && auth.StorePath !== recorded
  const fixed: AuthOptionsV3 = {
    ...auth,
    CertDir: isAnyAbsolute(auth.CertDir) ? auth.CertDir : usual.CertDir,
    CaCertPath: auth.CaCertPath || usual.CaCertPath,
    CaPrivateKeyPath: auth.CaPrivateKeyPath || usual.CaPrivateKeyPath,
    ServerCertPath: auth.ServerCertPath || usual.ServerCertPath,
    ServerKeyPath: auth.ServerKeyPath || usual.ServerKeyPath,
    ClientKeyPath: auth.ClientKeyPath || usual.ClientKeyPath,
    ClientCertPath: auth.ClientCertPath || usual.ClientCertPath,
    StorePath: isDir ? auth.StorePath : usual.StorePath,
  }
  return { ...record, config: { ...record.config, HostOptions: { ...host, AuthOptions: fixed } } }
}

/** Both files with every path below the old root now below the new one; any other text as it is. */
export function movedRecord(record: MachineRecord, from: string, to: string): MachineRecord {
  const { config, ledger } = record
  const separator = win32.isAbsolute(from) && !isAbsolute(from) ? /[\\/]/ : sep
  const moved = (value: string): string => {
    if (value === from) return to
    const isBelow = value.startsWith(from) && /^[\\/]/.test(value.slice(from.length))
    return isBelow ? join(to, ...value.slice(from.length + 1).split(separator)) : value
  }
  return { ...record, config: mapTexts(config, moved), ...(ledger && { ledger: mapTexts(ledger, moved) }) }
}

function mapTexts<T>(value: T, change: (text: string) => string): T {
  const mapped = JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'string' ? change(inner) : inner,
  )
  return JSON.parse(mapped) as T
}

/** Also the form of another operating system: a store may come from there. */
function isAnyAbsolute(path: string): boolean {
  return isAbsolute(path) || win32.isAbsolute(path)
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
