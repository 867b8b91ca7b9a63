import type { Client } from 'ssh2'
import { onAbort } from '../util/abort.js'
import { after } from '../util/wait.js'
import { openClient } from './connect.js'
import { type Copied, copyTree, type CopyOptions } from './files/copy.js'
import type { Files } from './files/files.js'
import { LocalFiles } from './files/local.js'
import { openRemoteFiles } from './files/remote.js'
import { loginOf, type SshHost } from './host.js'

/** One side of a copy with our own client: a host's path, or this computer's. */
export interface OwnSide {
  readonly host?: SshHost
  readonly path: string
}

/** What an aborted copy gets to take away what it has begun on a host. */
const LAST_MS = 5_000

/** Copies with a client of our own: where there is no scp, or none that speaks SFTP. Throws what `copyTree` throws. */
export async function ownCopy(
  from: OwnSide,
  to: OwnSide,
  options: CopyOptions,
  lastMs = LAST_MS,
): Promise<Copied> {
  const clients: Client[] = []
  let enough = (): void => undefined
  // A host may have taken a request and never answer it.
  const forget = onAbort(options.signal, () => {
    enough = after(lastMs, () => clients.forEach((client) => client.destroy()))
  })
  const filesOf = async ({ host }: OwnSide): Promise<Files> => {
    if (!host) return new LocalFiles()
    const { client } = await openClient(host.endpoint, {
      ...loginOf(host),
      pins: host.pins,
      signal: options.signal,
    })
    clients.push(client)
    // A connection that ends is told by the calls that it fails.
    client.on('error', () => undefined)
    return await openRemoteFiles(client, host.name)
  }
  try {
    const source = { files: await filesOf(from), path: from.path }
    const target = { files: await filesOf(to), path: to.path }
    return await copyTree(source, target, options)
  } catch (error) {
    options.signal.throwIfAborted()
    throw error
  } finally {
    forget()
    enough()
    for (const client of clients) client.end()
  }
}
