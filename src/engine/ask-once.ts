/**
 * One GET over a connection of its own, with nothing between it and TLS: Node's HTTP client costs half as much as
 * the handshake, and `ls` asks thousands.
 */
import type { TLSSocket } from 'node:tls'
import { connectionOptions, lightConnect } from './light-connect.js'
import { placeOf, type EngineTarget } from './target.js'
import { type RequestLimits, statusError, Watch } from './watch.js'

const LONGEST = 1024 * 1024

/** The body of a successful GET; nothing of its connection is open then. @throws EngineProbeError */
export async function askOnce(target: EngineTarget, path: string, limits: RequestLimits): Promise<string> {
  limits.signal?.throwIfAborted()
  const where = placeOf(target)
  const options = { ...connectionOptions(target), host: target.host, port: target.port }
  const watch = new Watch(where, limits)
  try {
    const socket = lightConnect(options)
    watch.begin(socket)
    watch.follow(socket)
    // By the old version of HTTP an engine sends a body in one piece and closes.
    const request = `GET ${path} HTTP/1.0\r\nHost: ${where}\r\nAccept: application/json\r\n\r\n`
    const { status, body } = await exchange(socket, request, () => target.trusts?.(socket, target) ?? true)
    if (status >= 200 && status < 300) return body
    throw statusError(where, path, status, body)
  } catch (error) {
    throw watch.translate(error)
  } finally {
    watch.release()
  }
}

function exchange(socket: TLSSocket, request: string, trusts: () => boolean): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const answer = new Answer()
    let fault: Error | undefined
    // What is thrown to an emitter ends the process. Files that cannot be read are no verdict either.
    const isTrusted = (): boolean => {
      try {
        return trusts()
      } catch {
        return false
      }
    }
    socket.once('secureConnect', () => {
      if (isTrusted()) socket.write(request)
      else socket.destroy(new Error('its certificate is not plain to judge'))
    })
    socket.on('data', (chunk: Buffer) => void (answer.add(chunk) && socket.destroy()))
    socket.once('end', () => void socket.destroy())
    socket.once('error', (error: Error) => (fault = error))
    socket.once('close', () => {
      fault ??= answer.fault
      if (fault) reject(fault)
      else resolve(answer)
    })
  })
}

/** Head and body as they come. */
class Answer {
  status = 0
  readonly #chunks: Buffer[] = []
  #size = 0
  #bodyAt = 0
  /** Bytes of head and body, where the head says so. */
  #whole: number | undefined

  /** @returns whether no more is wanted */
  add(chunk: Buffer): boolean {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.status === 0) this.#readHead()
    return this.#size >= Math.min(this.#whole ?? LONGEST, LONGEST)
  }

  /** What is wrong with it when nothing more comes. */
  get fault(): Error | undefined {
    if (this.status === 0) return new Error('no HTTP, or the connection was closed too early')
    return this.#size < (this.#whole ?? 0) ? new Error('the connection was closed too early') : undefined
  }

  get body(): string {
    return Buffer.concat(this.#chunks).toString('utf8', this.#bodyAt, this.#whole)
  }

  #readHead(): void {
    const text = Buffer.concat(this.#chunks).toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = text.slice(0, end)
    this.#bodyAt = end + 4
    this.status = Number(/^HTTP\/1\.\d (\d{3})/.exec(head)?.[1] ?? 0)
    const length = /\r\ncontent-length:[ \t]*(\d+)/i.exec(head)?.[1]
    if (length !== undefined) this.#whole = this.#bodyAt + Number(length)
  }
}
