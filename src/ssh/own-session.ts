import { constants } from 'node:os'
import type { Client, ClientChannel } from 'ssh2'
import { onAbort } from '../util/abort.js'
import { openClient } from './connect.js'
import { lostError, SshError } from './errors.js'
import { loginOf, type SshHost } from './host.js'

/** What is wanted of a session. */
export interface OwnRequest {
  /** A login shell when absent. */
  readonly command?: string
  /** Whether the session reads what we are given. */
  readonly input: boolean
  /** When to ask for a terminal: for a shell when we are on one, for a command too, or in any case. */
  readonly terminal: 'shell' | 'if-here' | 'always' | 'never'
}

export interface OwnSessionOptions extends OwnRequest {
  readonly signal?: AbortSignal
  /** See `ConnectOptions`. */
  readonly keepaliveMs?: number
}

/**
 * A session with our own client where there is no `ssh` program. The agent is used for logging in, never forwarded.
 * @throws SshError also when the connection is lost, with ssh's exit status for that
 */
export async function runOwnSession(host: SshHost, options: OwnSessionOptions): Promise<number> {
  const { signal, keepaliveMs } = options
  const { client } = await openClient(host.endpoint, {
    ...loginOf(host),
    ...(signal ? { signal } : {}),
    ...(keepaliveMs === undefined ? {} : { keepaliveMs }),
    pins: host.pins,
  })
  let broken: Error | undefined
  client.on('error', (error) => (broken ??= error))
  const pty = wantsTerminal(options)
  // Its end alone would be waited for until the host has told of its own, and one that is gone never does.
  const forget = onAbort(signal, () => void client.destroy())
  try {
    const status = await begun(client, options, pty)
    if (status === undefined && !signal?.aborted) throw lostError(host.endpoint, broken, NO_STATUS)
    return status ?? NO_STATUS
  } finally {
    forget()
    client.end()
  }
}

/** @returns the exit status; undefined where none came */
function begun(client: Client, options: OwnSessionOptions, pty: boolean): Promise<number | undefined> {
  const { command, input } = options
  return new Promise((resolve, reject) => {
    const opened = (error: Error | undefined, channel: ClientChannel): void => {
      if (error) reject(notBegun(error))
      else resolve(attach(channel, pty, input))
    }
    const window = pty ? { ...windowSize(), term: 'xterm-256color' } : false
    try {
      if (command === undefined) client.shell(window, opened)
      else client.exec(command, window ? { pty: window } : {}, opened)
    } catch (error) {
      // The connection's end has begun, and it has not been told yet.
      reject(notBegun(error instanceof Error ? error : new Error(String(error))))
    }
  })
}

function notBegun(cause: Error): SshError {
  const text = `The host did not start a session: ${cause.message}`
  return new SshError('protocol', text, { cause, exitCode: NO_STATUS })
}

/** ssh's own status for a session that ended without one. */
const NO_STATUS = 255

/** Like ssh: a command runs without a terminal, so its output is not changed. */
function wantsTerminal({ terminal, command }: OwnRequest): boolean {
  const here = process.stdin.isTTY && process.stdout.isTTY
  if (terminal === 'shell') return command === undefined && here
  return terminal === 'if-here' ? here : terminal === 'always'
}

function attach(channel: ClientChannel, pty: boolean, wantsInput: boolean): Promise<number | undefined> {
  const { stdin, stdout, stderr } = process
  const raw = pty && stdin.isTTY
  const resized = (): void => {
    const size = windowSize()
    channel.setWindow(size.rows, size.cols, 0, 0)
  }
  if (raw) stdin.setRawMode(true)
  if (pty) stdout.on('resize', resized)
  if (wantsInput) stdin.pipe(channel)
  else channel.end()
  channel.pipe(stdout, { end: false })
  channel.stderr.pipe(stderr, { end: false })
  return new Promise((resolve) => {
    let status: number | undefined
    channel.on('error', () => undefined)
    channel.on('exit', (code: number | null, signal?: string) => {
      status = code ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? 0)
    })
    channel.on('close', () => {
      if (raw) stdin.setRawMode(false)
      stdout.removeListener('resize', resized)
      stdin.unpipe(channel)
      stdin.pause()
      resolve(status)
    })
  })
}

function windowSize(): { rows: number; cols: number } {
  return { rows: process.stdout.rows || 24, cols: process.stdout.columns || 80 }
}
