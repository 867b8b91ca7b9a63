import { connect as connectSocket, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import type { HostKeyPins, JumpHost, SshEndpoint } from '../contracts/ssh.js'
import { onAbort } from '../util/abort.js'
import { SshError } from './errors.js'
import { jumpLogin, jumpPins } from './jump.js'
import type { Login } from './login.js'

/** Bytes to and from a host's SSH port. */
export interface Line {
  readonly stream: Duplex
  /** Also ends what it goes through. */
  close(): void
}

/** Opens an authenticated client (`openWith`). */
export type OpenClient = (
  endpoint: SshEndpoint,
  login: Login,
  options: { readonly pins: HostKeyPins; readonly signal: AbortSignal },
) => Promise<{ readonly client: Client }>

/** Connects to a host's SSH port, through its jump host if it has one. */
export async function dial(endpoint: SshEndpoint, signal: AbortSignal, open: OpenClient): Promise<Line> {
  const { jump } = endpoint
  return jump ? await throughJump(endpoint, jump, signal, open) : await direct(endpoint, signal)
}

async function direct({ host, port }: SshEndpoint, signal: AbortSignal): Promise<Line> {
  // Nagle costs 40 ms per round trip, and ssh2 leaves it on in sockets of its own.
  const socket = connectSocket({ host, port, noDelay: true })
  const close = (): void => {
    socket.on('error', () => undefined)
    socket.destroy()
  }
  try {
    await connected(socket, signal)
    return { stream: socket, close }
  } catch (error) {
    close()
    throw error
  }
}

function connected(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => reject(signal.reason))
    socket.once('error', reject)
    socket.once('connect', () => {
      forget()
      socket.removeListener('error', reject)
      resolve()
    })
  })
}

async function throughJump(
  target: SshEndpoint,
  jump: JumpHost,
  signal: AbortSignal,
  open: OpenClient,
): Promise<Line> {
  const client = await openJump(jump, signal, open)
  try {
    const stream = await forward(client, target, signal)
    const close = (): void => {
      stream.on('error', () => undefined)
      stream.destroy()
      client.end()
    }
    stream.once('close', () => client.end())
    return { stream, close }
  } catch (error) {
    client.end()
    throw error
  }
}

async function openJump(jump: JumpHost, signal: AbortSignal, open: OpenClient): Promise<Client> {
  const [login, pins] = [await jumpLogin(jump), await jumpPins(jump)]
  try {
    const { client } = await open({ host: jump.host, port: jump.port, user: jump.user }, login, {
      pins,
      signal,
    })
    // A line that breaks is told by what goes through it.
    client.on('error', () => undefined)
    return client
  } catch (error) {
    if (!(error instanceof SshError)) throw error
    throw error.ofJump()
  }
}

/** RFC 4254 5.1: why a channel was not opened. */
const PROHIBITED = 1

function forward(client: Client, target: SshEndpoint, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => reject(signal.reason))
    client.forwardOut('127.0.0.1', 0, target.host, target.port, (error, channel) => {
      forget()
      if (error) reject(refusal(error, target))
      else resolve(channel)
    })
  })
}

function refusal(error: Error & { readonly reason?: unknown }, { host, port }: SshEndpoint): SshError {
  if (error.reason !== PROHIBITED)
    return new SshError('refused', `The jump host cannot connect to ${host}:${port}: ${error.message}`)
  return new SshError('protocol', `The jump host lets nobody connect to ${host}:${port}: ${error.message}`, {
    hints: ['Its sshd must forward connections: AllowTcpForwarding yes'],
  })
}
