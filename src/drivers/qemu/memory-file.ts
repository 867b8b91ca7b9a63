import { once } from 'node:events'
import { chmod, type FileHandle, open, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { type MachineError, toMachineError } from '../../contracts/errors.js'
import { surviveFileSizeLimit } from '../../util/atomic-file.js'
import { fileError } from '../../util/file-error.js'

/** Bytes after which what was received is forced to the disk, so that the end does not wait for all of it. */
const SYNC_BYTES = 64 * 1024 * 1024

/**
 * Receives a VM's memory on a socket and writes it to a file. QEMU takes a connection that ends early as a failed
 * migration and lets the guest run on: whatever happens to us or to the disk, the machine goes on.
 */
export class MemoryFile {
  readonly #server: Server
  #socket: Socket | undefined
  /** Bytes written and forced to the disk. @throws MachineError `store` when the disk takes no more */
  readonly received: Promise<number>

  /** Why no more can be received; QEMU only says that the connection ended. */
  failure: MachineError | undefined

  private constructor(
    readonly socketPath: string,
    path: string,
    server: Server,
  ) {
    this.#server = server
    this.received = this.#receive(path)
    this.received.catch((error: unknown) => (this.failure = toMachineError(error)))
  }

  /** Listens; the file is ours alone from its first byte. */
  static async listen(socketPath: string, path: string): Promise<MemoryFile> {
    surviveFileSizeLimit()
    await rm(socketPath, { force: true })
    const server = createServer()
    server.listen(socketPath)
    await once(server, 'listening')
    await chmod(socketPath, 0o600)
    return new MemoryFile(socketPath, path, server)
  }

  /** Ends the connection too. */
  async close(): Promise<void> {
    this.#server.close()
    this.#socket?.destroy()
    await rm(this.socketPath, { force: true })
  }

  async #receive(path: string): Promise<number> {
    const [socket] = (await once(this.#server, 'connection')) as [Socket]
    this.#socket = socket
    try {
      const file = await open(path, 'wx', 0o600)
      try {
        return await copy(socket, file)
      } finally {
        await file.close()
      }
    } catch (error) {
      throw fileError('write', path, error)
    } finally {
      socket.destroy()
    }
  }
}

async function copy(socket: Socket, file: FileHandle): Promise<number> {
  let bytes = 0
  let synced = 0
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    await file.writeFile(chunk)
    bytes += chunk.length
    if (bytes - synced < SYNC_BYTES) continue
    await file.datasync()
    synced = bytes
  }
  await file.sync()
  return bytes
}
