import { Agent as HttpAgent, type ClientRequestArgs, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https'
import { connect as connectTcp, isIP, type Socket, type TcpNetConnectOpts } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { onAbort, timeoutSignal } from '../../../util/abort.js'
import { proxyFor, shownProxy } from '../../../util/proxy.js'

/** Kept connections to one endpoint, through the proxy that the environment names. */
export interface ApiAgents {
  readonly httpAgent: HttpAgent
  readonly httpsAgent: HttpsAgent
  /** The proxy for messages: without its password. */
  readonly proxy: string | undefined
}

/** No connection came about: nothing of the request was sent. */
export class ConnectError extends Error {}

/** The proxy answered, but made no tunnel. */
export class ProxyRefusal extends Error {
  constructor(
    readonly status: number,
    readonly words: string,
  ) {
    super(`${status} ${words}`.trim())
  }
}

const CONNECT_MS = 10_000
/** Idle connections are given up before servers do it (5 s is common): a request on one that is just being closed is lost. */
const KEPT = { keepAlive: true, timeout: 3_000 }
type Environment = Readonly<Record<string, string | undefined>>

/** Agents for an endpoint. @throws TypeError where the proxy variable cannot be read */
export function newAgents(
  baseUrl: string,
  options: { readonly connectMs?: number; readonly env?: Environment } = {},
): ApiAgents {
  const proxy = proxyFor(new URL(baseUrl), options.env)
  const connectMs = options.connectMs ?? CONNECT_MS
  return {
    httpAgent: new PlainAgent(connectMs),
    httpsAgent: new TunnelAgent(connectMs, proxy),
    proxy: proxy && shownProxy(proxy),
  }
}

type Done = ((error: Error | null, socket: Socket) => void) | undefined

type Failed = (error: Error) => void

/** Plain http, which goes to this computer only and never through a proxy. */
class PlainAgent extends HttpAgent {
  constructor(private readonly connectMs: number) {
    super(KEPT)
  }

  override createConnection(options: ClientRequestArgs, done: Done): undefined {
    const limit = timeoutSignal(this.connectMs)
    const target = { ...options, noDelay: true } as TcpNetConnectOpts
    handOver(whenOpen(connectTcp(target), 'connect', limit), done)
  }
}

/** https, through a CONNECT tunnel where there is a proxy: the proxy sees the name of the host and nothing else. */
class TunnelAgent extends HttpsAgent {
  constructor(
    private readonly connectMs: number,
    private readonly proxy: URL | undefined,
  ) {
    super(KEPT)
  }

  override createConnection(options: RequestOptions, done: Done): undefined {
    handOver(this.#connect(options as ConnectionOptions), done)
  }

  /** The time is for each step: a line of long round trips needs as many for TLS as for the connection. */
  async #connect(options: ConnectionOptions): Promise<Socket> {
    const { host = 'localhost', port = 443 } = options
    const limit = timeoutSignal(this.connectMs)
    const path = this.proxy
      ? await tunnel(this.proxy, `${isIP(host) === 6 ? `[${host}]` : host}:${port}`, limit)
      : await whenOpen(connectTcp({ host, port, noDelay: true }), 'connect', limit)
    const again = timeoutSignal(this.connectMs)
    return await whenOpen<TLSSocket>(connectTls({ ...options, socket: path }), 'secureConnect', again)
  }
}

/** Node gets the connection only when it is open: what fails before is known not to have been sent. */
function handOver(connecting: Promise<Socket>, done: Done): void {
  connecting.then(
    (socket) => done?.(null, socket),
    (error: unknown) => (done as Failed | undefined)?.(new ConnectError('no connection', { cause: error })),
  )
}

function whenOpen<S extends Socket>(socket: S, event: string, limit: AbortSignal): Promise<S> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(limit, () => void socket.destroy(timedOut()))
    const fail = (error: Error): void => {
      forget()
      reject(error)
    }
    socket.once('error', fail)
    socket.once(event, () => {
      forget()
      socket.removeListener('error', fail)
      resolve(socket)
    })
  })
}

function tunnel(proxy: URL, target: string, limit: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const request = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
      method: 'CONNECT',
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      path: target,
      headers: { host: target, ...proxyLogin(proxy) },
      agent: false,
      signal: limit,
    })
    request.once('connect', ({ statusCode = 0, statusMessage = '' }, socket) => {
      if (statusCode === 200) return resolve(socket)
      socket.destroy()
      reject(new ProxyRefusal(statusCode, statusMessage))
    })
    request.once('error', (error) => reject(limit.aborted ? timedOut() : error))
    request.end()
  })
}

function proxyLogin(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {}
  const login = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }
}

function timedOut(): Error {
  return Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })
}
