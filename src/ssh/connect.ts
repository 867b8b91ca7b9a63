import type { Duplex } from 'node:stream'
import type { Client, ConnectConfig } from 'ssh2'
import type { HostKeyPins, RemoteShell, SshEndpoint } from '../contracts/ssh.js'
import { onAbort } from '../util/abort.js'
import { probeBanner, readBanner } from './banner.js'
import { dial, type Line } from './dial.js'
import { classify, hostKeyError, SshError, timeoutError, type Heard } from './errors.js'
import { hasFingerprint, hostKeyLine, sameKey } from './host-key.js'
import { loadLogin, type Login, type LoginOptions } from './login.js'
import { SshShell } from './shell.js'
import { Steps } from './steps.js'

export interface ConnectOptions extends LoginOptions {
  readonly pins: HostKeyPins
  readonly signal?: AbortSignal
  /** Counts only until the host has said something: who waits for it to come up need not end what goes forward. */
  readonly patience?: AbortSignal
  /** Milliseconds until the host's first word, and from each word to the next; four times that for all. */
  readonly readyTimeoutMs?: number
  /** Milliseconds between two questions whether a silent host is still there; it may leave eight unanswered. */
  readonly keepaliveMs?: number
}

type Limits = Pick<ConnectOptions, 'signal' | 'patience' | 'readyTimeoutMs' | 'keepaliveMs'> & {
  readonly pins: HostKeyPins
  /** Told of each step forward. */
  readonly onStep?: () => void
}

const READY_TIMEOUT_MS = 20_000
const KEEPALIVE_MS = 15_000
const KEEPALIVES_LOST = 8

/**
 * Opens one authenticated connection to a host whose key is pinned.
 * @throws SshError with `reason`; `retryable` is true for refused, reset, unreachable and timed-out connections
 */
export async function connect(endpoint: SshEndpoint, options: ConnectOptions): Promise<RemoteShell> {
  const { client, hostKey } = await openClient(endpoint, options)
  return new SshShell(client, endpoint, hostKey)
}

/** An authenticated ssh2 client and the host key that it was made with. */
interface OpenClient {
  readonly client: Client
  readonly hostKey: string
}

/** `connect` for those who need ssh2's client itself (a session on a terminal). Throws the same errors. */
export async function openClient(endpoint: SshEndpoint, options: ConnectOptions): Promise<OpenClient> {
  options.signal?.throwIfAborted()
  return await openWith(endpoint, await loadLogin(options), options)
}

/** The host's `SSH-2.0-...` line, the first sign that it is up. The caller's signal is the deadline. */
export async function probeSsh(endpoint: SshEndpoint, signal: AbortSignal): Promise<string> {
  if (!endpoint.jump) return await probeBanner(endpoint.host, endpoint.port, signal)
  const line = await dial(endpoint, signal, openWith)
  try {
    return await readBanner(line.stream, endpoint, signal)
  } finally {
    line.close()
  }
}

async function openWith(endpoint: SshEndpoint, login: Login, options: Limits): Promise<OpenClient> {
  const { default: ssh2 } = await import('ssh2')
  const heard: Heard = { ident: '', banner: '', agent: '', handshaken: false }
  const timeoutMs = options.readyTimeoutMs ?? READY_TIMEOUT_MS
  const steps = new Steps(timeoutMs, options.patience)
  const signal = options.signal ? AbortSignal.any([options.signal, steps.signal]) : steps.signal
  const onStep = (): void => {
    steps.forward()
    options.onStep?.()
  }
  let line: Line | undefined
  try {
    line = await dial(endpoint, signal, (...jump) => openWith(jump[0], jump[1], { ...jump[2], onStep }))
    line.stream.on('data', onStep)
    return await authenticate(new ssh2.Client(), line.stream, endpoint, login, options, heard, signal)
  } catch (error) {
    line?.close()
    options.signal?.throwIfAborted()
    if (steps.signal.aborted && steps.signal.reason === options.patience?.reason) throw steps.signal.reason
    if (error instanceof SshError) throw error
    throw steps.signal.aborted ? timeoutError(endpoint, timeoutMs, heard) : classify(error, endpoint, heard)
  } finally {
    line?.stream.removeListener('data', onStep)
    steps.end()
  }
}

function authenticate(
  client: Client,
  socket: Duplex,
  endpoint: SshEndpoint,
  login: Login,
  { pins, keepaliveMs = KEEPALIVE_MS }: Limits,
  heard: Heard,
  signal: AbortSignal,
): Promise<OpenClient> {
  return new Promise((resolve, reject) => {
    let seenKey = ''
    let refused: SshError | undefined
    const forget = onAbort(signal, () => reject(signal.reason))
    client.on('banner', (text) => (heard.banner += text))
    client.on('handshake', () => (heard.handshaken = true))
    client.on('error', (error: Error & { level?: string }) => {
      // Not final: ssh2 goes on with the next way to log in and reports its failure by itself.
      if (error.level === 'agent') heard.agent = error.message
      else reject(refused ?? error)
    })
    client.on('close', () => reject(refused ?? new Error('the connection was closed')))
    client.on('ready', () => {
      forget()
      resolve({ client, hostKey: seenKey })
    })
    socket.once('data', (chunk: Buffer) => (heard.ident = firstLine(chunk)))
    client.connect({
      sock: socket,
      username: endpoint.user,
      ...login,
      authHandler: ways(login),
      readyTimeout: 0,
      keepaliveInterval: keepaliveMs,
      keepaliveCountMax: KEEPALIVES_LOST,
      algorithms: { serverHostKey: hostKeyAlgorithms(pins.keys) },
      // Callback form, returning nothing: ssh2 takes a returned promise for "yes".
      hostVerifier: (blob: Buffer, verify: (accepted: boolean) => void): void => {
        seenKey = hostKeyLine(blob)
        const accepted = accepts(pins, seenKey)
        if (!accepted) refused = hostKeyError(endpoint, seenKey, pins)
        verify(accepted)
      },
    })
  })
}

/** Without ssh2's first question, whether no proof at all would do: it costs a round trip. */
function ways({ privateKey, agent }: Login): ('publickey' | 'agent')[] {
  return [...(privateKey ? (['publickey'] as const) : []), ...(agent ? (['agent'] as const) : [])]
}

/** With pins only they count; first use is asked only when there are none. */
function accepts({ keys, fingerprints = [], firstUse }: HostKeyPins, seen: string): boolean {
  if (keys.length === 0 && fingerprints.length === 0) return firstUse?.(seen) === true
  return keys.some((pin) => sameKey(pin, seen)) || fingerprints.some((print) => hasFingerprint(seen, print))
}

type HostKeyAlgorithms = Extract<
  NonNullable<NonNullable<ConnectConfig['algorithms']>['serverHostKey']>,
  readonly unknown[]
>

const ALGORITHMS: HostKeyAlgorithms = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
]

/** Types of pinned keys first, so that a host with several keys shows the one we know; the rest only to name it in the refusal. */
function hostKeyAlgorithms(pins: readonly string[]): HostKeyAlgorithms {
  const types = new Set(pins.map((pin) => pin.split(' ')[0] ?? ''))
  const isPinned = (name: string): boolean => types.has(name.startsWith('rsa-') ? 'ssh-rsa' : name)
  return [...ALGORITHMS.filter(isPinned), ...ALGORITHMS.filter((name) => !isPinned(name))]
}

function firstLine(chunk: Buffer | string): string {
  return (
    chunk
      .toString('latin1' as BufferEncoding)
      .split(/[\r\n]/, 1)[0]
      ?.slice(0, 255) ?? ''
  )
}
