import { readFile } from 'node:fs/promises'
import { MachineError } from '../contracts/errors.js'
import { clientFiles } from './certificates.js'
import type { OpenMachine } from './open.js'

/** What this computer shows an engine and checks it with, as file contents. */
export interface ClientPem {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

/**
 * The client's files of a machine: those in its directory, else the shared ones that its record names (docker-machine
 * copies none for machines that it did not provision).
 * @throws MachineError `tls` naming the file that is missing
 */
export async function readClientPem(open: OpenMachine): Promise<ClientPem> {
  const own = clientFiles(open.record.dir)
  const { CaCertPath, ClientCertPath, ClientKeyPath } = open.record.config.HostOptions.AuthOptions
  // One after another, so that of several missing files the same one is always named.
  const ca = await readFirst(open, own.ca, CaCertPath)
  const cert = await readFirst(open, own.cert, ClientCertPath)
  const key = await readFirst(open, own.key, ClientKeyPath)
  return { ca, cert, key }
}

async function readFirst(open: OpenMachine, path: string, other: string): Promise<Buffer> {
  const found = (await readIfThere(path)) ?? (other === '' ? undefined : await readIfThere(other))
  if (found) return found
  throw new MachineError('tls', `There is no client certificate for "${open.name}": ${path} is missing`, {
    machine: open.name,
    hints: open.factory.capabilities.ssh
      ? [`tsmachine provision ${open.name}`]
      : [`Put ca.pem, cert.pem and key.pem of that engine into ${open.record.dir}`],
  })
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  return await readFile(path).catch(() => undefined)
}
