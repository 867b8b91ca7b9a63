import { createConnection, type Socket } from 'node:net'
import { MachineError, messageOf } from '../../../contracts/errors.js'
import { onAbort } from '../../../util/abort.js'
import type { PluginAddress } from './address.js'
import { CONNECT_REPLY, CONNECT_REQUEST, GreetingReader } from './net-rpc.js'

const GREETED = CONNECT_REPLY.trimEnd()

/**
 * Connects and has the greeting answered; no byte of gob may go before. `rest` is what came after
 * the answer; the socket is paused.
 * @throws MachineError `driver` when nothing listens there or it is no plugin
 */
export async function connectPlugin(
  { host, port }: PluginAddress,
  signal: AbortSignal,
): Promise<{ readonly socket: Socket; readonly rest: Buffer }> {
  const socket = createConnection({ host, port, noDelay: true })
  const reader = new GreetingReader()
  const where = `${host}:${port}`
  try {
    const { greeting, rest } = await greet(socket, reader, signal)
    if (greeting.split(/\r?\n/)[0] !== GREETED)
      throw new Error(`it answered ${JSON.stringify(reader.firstLine)}`)
    return { socket, rest }
  } catch (error) {
    socket.destroy()
    signal.throwIfAborted()
    throw new MachineError('driver', `Cannot connect to the driver plugin at ${where}: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

async function greet(
  socket: Socket,
  reader: GreetingReader,
  signal: AbortSignal,
): Promise<{ greeting: string; rest: Buffer }> {
  signal.throwIfAborted()
  let forget = (): void => undefined
  try {
    return await new Promise((resolve, reject) => {
      forget = onAbort(signal, () => reject(signal.reason))
      socket.on('error', reject)
      socket.once('close', () =>
        reject(new Error(`it hung up; it had said ${JSON.stringify(reader.firstLine)}`)),
      )
      socket.on('data', (chunk: Buffer) => {
        try {
          const answer = reader.push(chunk)
          if (!answer) return
          socket.pause().removeAllListeners('data')
          resolve(answer)
        } catch (error) {
          reject(error)
        }
      })
      socket.write(CONNECT_REQUEST)
    })
  } finally {
    forget()
  }
}
