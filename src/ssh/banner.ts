import { connect as connectSocket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SshEndpoint } from '../contracts/ssh.js'
import { onAbort } from '../util/abort.js'
import { classify, SshError, type Heard } from './errors.js'

const LONGEST_GREETING = 8192
/**
 * We speak first: both sides may (RFC 4253 4.2), and passt of 2023 hands nothing of a guest's over before its client spoke.
 */
const OUR_GREETING = 'SSH-2.0-tsmachine\r\n'

/**
 * Opens a TCP connection and waits for the server's `SSH-2.0-...` line, which is the first sign that a host is up.
 * The caller's signal is the deadline.
 * @throws SshError `refused`, `reset`, `unreachable` ... or `protocol` when something else speaks there
 */
export async function probeBanner(host: string, port: number, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted()
  return await readBanner(
    connectSocket({ host, port, noDelay: true }),
    { host, port, user: 'anyone' },
    signal,
  )
}

/** The same on a connection that is there or being made; it is destroyed. */
export function readBanner(socket: Duplex, endpoint: SshEndpoint, signal: AbortSignal): Promise<string> {
  const heard: Heard = { ident: '', banner: '', agent: '', handshaken: false }
  return new Promise((resolve, reject) => {
    let text = ''
    const end = (act: () => void): void => {
      forget()
      socket.removeAllListeners('data')
      socket.on('error', () => undefined)
      socket.destroy()
      act()
    }
    const forget = onAbort(signal, () => end(() => reject(signal.reason)))
    socket.write(OUR_GREETING)
    socket.on('error', (error) => end(() => reject(classify(error, endpoint, heard))))
    socket.on('close', () => end(() => reject(classify(new Error('closed'), endpoint, heard))))
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      // RFC 4253 4.2: other lines may come before the identification.
      const ident = /^(SSH-(?:2\.0|1\.99)-[^\r\n]*)\r?\n/m.exec(text)?.[1]
      if (ident !== undefined) end(() => resolve(ident))
      else if (text.length > LONGEST_GREETING) end(() => reject(notSsh(endpoint.host, endpoint.port, text)))
    })
  })
}

function notSsh(host: string, port: number, text: string): SshError {
  return new SshError('protocol', `What answers at ${host}:${port} is not an SSH server`, {
    evidence: text.slice(0, 200),
  })
}
