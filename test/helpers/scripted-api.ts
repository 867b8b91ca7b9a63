import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { PemPair } from '../../src/tls/files.js'

/** A request as the scripted API saw it. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly port: number | undefined
}

/** What a scripted API does with a request: an answer, or its own doing with the response. */
export type Script = (
  request: SeenRequest,
  response: ServerResponse,
  count: number,
) => ScriptedAnswer | void | Promise<ScriptedAnswer | void>

export interface ScriptedAnswer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface ScriptedApi {
  readonly url: string
  readonly port: number
  readonly seen: readonly SeenRequest[]
  close(): Promise<void>
}

/** An HTTP(S) server on loopback that answers as the script says and notes every request. */
export async function scriptedApi(t: Test, script: Script, tls?: PemPair): Promise<ScriptedApi> {
  const seen: SeenRequest[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk as string
    const { method = '', url = '', headers } = request
    const one = { method, url, headers, body, port: request.socket.remotePort }
    const count = seen.push(one)
    const said = await script(one, response, count)
    if (!said) return
    response.writeHead(said.status, { 'content-type': 'application/json', ...said.headers })
    response.end(typeof said.body === 'string' ? said.body : JSON.stringify(said.body))
  }
  const listener = (request: IncomingMessage, response: ServerResponse): void =>
    void answer(request, response)
  const server = tls ? createTlsServer({ key: tls.key, cert: tls.cert }, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections()
      server.close(() => resolve())
    })
  t.teardown(close)
  const { port } = server.address() as AddressInfo
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, port, seen, close }
}
