import { constants } from 'node:os'
import type { ClientChannel } from 'ssh2'
import { openClient } from './connect.js'
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
}

/** A session with our own client where there is no `ssh` program. The agent is used for logging in, never forwarded. */
export async function runOwnSession(host: SshHost, options: OwnSessionOptions): Promise<number> {
  const { signal, command } = options
  const { client } = await openClient(host.endpoint, {
    ...loginOf(host),
    ...(signal ? { signal } : {}),
    pins: host.pins,
  })
  const pty = wantsTerminal(options)
  const stop = (): void => void client.end()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    return await new Promise<number>((resolve, reject) => {
      const opened = (error: Error | undefined, channel: ClientChannel): void => {
        if (error) reject(error)
        else resolve(attach(channel, pty, options.input))
      }
      const window = pty ? { ...windowSize(), term: 'xterm-256color' } : false
      if (command === undefined) client.shell(window, opened)
      else client.exec(command, window ? { pty: window } : {}, opened)
    })
  } finally {
    signal?.removeEventListener('abort', stop)
    client.end()
  }
}

/** Like ssh: a command runs without a terminal, so its output is not changed. */
function wantsTerminal({ terminal, command }: OwnRequest): boolean {
  const here = process.stdin.isTTY && process.stdout.isTTY
  if (terminal === 'shell') return command === undefined && here
  return terminal === 'if-here' ? here : terminal === 'always'
}

/** ssh's own status for a session that ended without one. */
const NO_STATUS = 255

function attach(channel: ClientChannel, pty: boolean, wantsInput: boolean): Promise<number> {
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
    let status = NO_STATUS
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
