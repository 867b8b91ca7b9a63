import type { Client } from 'ssh2'
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

/** Copies with a client of our own: where there is no scp, or none that speaks SFTP. Throws what `copyTree` throws. */
export async function ownCopy(from: OwnSide, to: OwnSide, options: CopyOptions): Promise<Copied> {
  const clients: Client[] = []
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
  } finally {
    for (const client of clients) client.end()
  }
}
