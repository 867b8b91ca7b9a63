import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { MachineError } from '../contracts/errors.js'
import { clientFiles } from './certificates.js'
import type { OpenMachine } from './open.js'

/** What this computer shows an engine and checks it with, as file contents. */
export interface ClientPem {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

/** What a file holds; undefined where there is none that can be read. */
type ReadFile = (path: string) => Buffer | undefined

/** For many machines: what several of them name is read once. */
export function readOnce(): (open: OpenMachine) => ClientPem {
  const shared = new Map<string, Buffer | undefined>()
  return (open) =>
    readClientPem(open, (path) => {
      if (dirname(path) === open.record.dir) return readIfThere(path)
      if (!shared.has(path)) shared.set(path, readIfThere(path))
      return shared.get(path)
    })
}

/**
 * The client's files of a machine: those in its directory, else the shared ones that its record names (docker-machine
 * copies none for machines that it did not provision).
 * @throws MachineError `tls` naming the file that is missing
 */
export function readClientPem(open: OpenMachine, read: ReadFile = readIfThere): ClientPem {
  const own = clientFiles(open.record.dir)
  const { CaCertPath, ClientCertPath, ClientKeyPath } = open.record.config.HostOptions.AuthOptions
  const first = (path: string, other: string): Buffer => {
    const found = read(path) ?? (other === '' ? undefined : read(other))
    if (found) return found
    throw missing(open, path)
  }
  return {
    ca: first(own.ca, CaCertPath),
    cert: first(own.cert, ClientCertPath),
    key: first(own.key, ClientKeyPath),
  }
}

function missing(open: OpenMachine, path: string): MachineError {
  return new MachineError('tls', `There is no client certificate for "${open.name}": ${path} is missing`, {
    machine: open.name,
    hints: open.factory.capabilities.ssh
      ? [`tsmachine provision ${open.name}`]
      : [`Put ca.pem, cert.pem and key.pem of that engine into ${open.record.dir}`],
  })
}

function readIfThere(path: string): Buffer | undefined {
  try {
    // Errors are slow, and most machines have no files of their own.
    return existsSync(path) ? readFileSync(path) : undefined
  } catch {
    return undefined
  }
}
