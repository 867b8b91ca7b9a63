import { constants } from 'node:os'
import type { ClientChannel } from 'ssh2'
import type { HostKeyPins, SshEndpoint } from '../contracts/ssh.js'
import { openClient } from './connect.js'

export interface OwnSessionOptions {
  readonly keyPath?: string
  readonly agent?: string
  readonly pins: HostKeyPins
  /** A login shell when absent. */
  readonly command?: string | undefined
  readonly signal?: AbortSignal
  readonly input?: NodeJS.ReadStream
  readonly output?: NodeJS.WriteStream
  readonly errors?: NodeJS.WriteStream
}

/** A session with our own client where there is no `ssh` program. A terminal is asked for only when we are on one. */
export async function runOwnSession(endpoint: SshEndpoint, options: OwnSessionOptions): Promise<number> {
  const { client } = await openClient(endpoint, {
    ...(options.keyPath ? { privateKeyPath: options.keyPath } : {}),
    ...(options.agent ? { agent: options.agent } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
    pins: options.pins,
  })
  const terminal: Terminal = {
    input: options.input ?? process.stdin,
    output: options.output ?? process.stdout,
    errors: options.errors ?? process.stderr,
  }
  // Like ssh: a command runs without a terminal, so its output is not changed.
  const pty = options.command === undefined && terminal.input.isTTY && terminal.output.isTTY
  const stop = (): void => void client.end()
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    return await new Promise<number>((resolve, reject) => {
      const opened = (error: Error | undefined, channel: ClientChannel): void => {
        if (error) reject(error)
        else resolve(attach(channel, terminal, pty))
      }
      const window = pty ? { ...windowOf(terminal.output), term: 'xterm-256color' } : false
      if (options.command === undefined) client.shell(window, opened)
      else client.exec(options.command, opened)
    })
  } finally {
    options.signal?.removeEventListener('abort', stop)
    client.end()
  }
}

interface Terminal {
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WriteStream
  readonly errors: NodeJS.WriteStream
}

/** ssh's own status for a session that ended without one. */
const NO_STATUS = 255

function attach(channel: ClientChannel, terminal: Terminal, pty: boolean): Promise<number> {
  const { input, output, errors } = terminal
  const resized = (): void => {
    const size = windowOf(output)
    channel.setWindow(size.rows, size.cols, 0, 0)
  }
  if (pty) {
    input.setRawMode(true)
    output.on('resize', resized)
  }
  input.pipe(channel)
  channel.pipe(output, { end: false })
  channel.stderr.pipe(errors, { end: false })
  return new Promise((resolve) => {
    let status = NO_STATUS
    channel.on('error', () => undefined)
    channel.on('exit', (code: number | null, signal?: string) => {
      status = code ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? 0)
    })
    channel.on('close', () => {
      if (pty) {
        input.setRawMode(false)
        output.removeListener('resize', resized)
      }
      input.unpipe(channel)
      input.pause()
      resolve(status)
    })
  })
}

function windowOf(output: NodeJS.WriteStream): { rows: number; cols: number } {
  return { rows: output.rows || 24, cols: output.columns || 80 }
}
