import type { Socket } from 'node:net'
import { MachineError, messageOf } from '../../../contracts/errors.js'
import { onAbort } from '../../../util/abort.js'
import { withDeadline } from '../../../util/wait.js'
import { METHODS } from './codecs.js'
import { type PluginAddress, refuseOtherHosts } from './address.js'
import { connectPlugin } from './connect.js'
import { GobDecoder } from './gob/decoder.js'
import { GobEncoder } from './gob/encoder.js'
import { DEFAULT_LIMITS, type GobLimits } from './gob/limits.js'
import { GobError, type GobValue } from './gob/values.js'
import { type Envelope, encodeEnvelope, OLD_SERVICE, Pairs, SERVICE } from './net-rpc.js'
import { type PluginCalls, PluginError, type PluginMethod, type PluginMethods } from './plugin-api.js'
import { CLIENT_SCHEMA, TYPE } from './schema.js'

/** Limits of connecting or of one call. */
export interface CallOptions {
  readonly deadlineMs: number
  readonly signal?: AbortSignal
}

/** It keeps nothing of what it encodes: one for all connections. */
const ENCODER = new GobEncoder(CLIENT_SCHEMA)
let definitions: Buffer | undefined

interface Waiting {
  readonly method: PluginMethod
  resolve(body: GobValue): void
  reject(error: unknown): void
}

/**
 * One connection to a driver plugin. Calls may run side by side. A call that is given up does not break the
 * connection: its reply, if one comes, is dropped.
 */
export class RpcPluginClient implements PluginCalls {
  readonly #socket: Socket
  readonly #decoder: GobDecoder
  readonly #pairs = new Pairs()
  readonly #waiting = new Map<number, Waiting>()
  #calls = 0
  /** What goes ahead of the first call, in one piece with it: each piece wakes the plugin. */
  #ahead: readonly Buffer[] = [(definitions ??= ENCODER.definitions())]
  #service = SERVICE
  #seen = 'the answer to our greeting'
  /** Why the connection is of no more use. */
  #ending: { readonly why: string; readonly cause?: unknown } | undefined
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>

  private constructor(socket: Socket, limits: GobLimits) {
    this.#socket = socket
    this.#decoder = new GobDecoder(limits)
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#end('the plugin closed the connection')
        resolve()
      })
    })
    socket.on('error', (cause) => this.#end(`the connection broke (${messageOf(cause)})`, cause))
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.resume()
    // Who waits for an answer has a deadline, which keeps us alive; a connection that nobody uses must not.
    socket.unref()
  }

  /**
   * Connects to a plugin on this computer.
   * @throws MachineError `driver` when it is elsewhere, does not listen or is no plugin; `timeout`
   */
  static async connect(
    address: PluginAddress,
    { deadlineMs, signal }: CallOptions,
    limits: GobLimits = DEFAULT_LIMITS,
  ): Promise<RpcPluginClient> {
    refuseOtherHosts(address)
    const what = `the driver plugin at ${address.host}:${address.port}`
    const connect = async (limit: AbortSignal): Promise<RpcPluginClient> => {
      const { socket, rest } = await connectPlugin(address, limit)
      const client = new RpcPluginClient(socket, limits)
      if (rest.length > 0) client.#receive(rest)
      return client
    }
    return await withDeadline(what, deadlineMs, connect, signal ? { signal } : {})
  }

  /** @throws PluginError with the plugin's own text; MachineError `timeout`, or `driver` when the connection is lost */
  async call<M extends PluginMethod>(
    method: M,
    argument: PluginMethods[M]['argument'],
    { deadlineMs, signal }: CallOptions,
  ): Promise<PluginMethods[M]['reply']> {
    const ask = async (limit: AbortSignal): Promise<PluginMethods[M]['reply']> => {
      const body = await this.#ask(method, argument, limit).catch((error: unknown) => {
        if (method !== 'GetVersion' || !this.#isOld(error)) throw error
        return this.#ask(method, argument, limit)
      })
      return this.#reply(method, body)
    }
    const evidence = (): string => this.#seen
    return await withDeadline(`the driver plugin's answer to ${method}`, deadlineMs, ask, {
      evidence,
      ...(signal ? { signal } : {}),
    })
  }

  /** Ends the connection. It does not ask the plugin to end: `Close` does. */
  close(): void {
    this.#end('we closed the connection')
  }

  /** A plugin from before 0.5.1 knows its service by another name only, which is then used. */
  #isOld(error: unknown): boolean {
    if (this.#service === OLD_SERVICE || !(error instanceof PluginError)) return false
    if (!/can't find service/.test(error.message)) return false
    this.#service = OLD_SERVICE
    return true
  }

  async #ask<M extends PluginMethod>(
    method: M,
    argument: PluginMethods[M]['argument'],
    signal: AbortSignal,
  ): Promise<GobValue> {
    signal.throwIfAborted()
    const codec = METHODS[method].argument
    const sequence = this.#calls++
    const envelope = { serviceMethod: `${this.#service}.${method}`, sequence, error: '' }
    const request = [
      ENCODER.value(TYPE.envelope, encodeEnvelope(envelope)),
      ENCODER.value(codec.type, codec.encode(argument)),
    ]
    return await new Promise((resolve, reject) => {
      if (this.#ending) return reject(this.#lost(method))
      onAbort(signal, () => {
        this.#waiting.delete(sequence)
        reject(signal.reason)
      })
      this.#waiting.set(sequence, { method, resolve, reject })
      this.#socket.write(Buffer.concat([...this.#ahead, ...request]))
      this.#ahead = []
    })
  }

  #reply<M extends PluginMethod>(method: M, body: GobValue): PluginMethods[M]['reply'] {
    try {
      return METHODS[method].reply.decode(body)
    } catch (cause) {
      throw new MachineError('driver', `The driver plugin answered ${method} with ${messageOf(cause)}`, {
        cause,
      })
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#ending) return
    try {
      for (const value of this.#decoder.push(chunk)) {
        const reply = this.#pairs.push(value)
        if (reply) this.#settle(reply.envelope, reply.body)
      }
    } catch (cause) {
      if (!(cause instanceof GobError)) throw cause
      this.#end(`it does not speak the plugin protocol: ${cause.message}`, cause)
    }
  }

  #settle({ serviceMethod, sequence, error }: Envelope, body: GobValue): void {
    this.#seen = `the reply to ${serviceMethod.slice(0, 100)} (call ${sequence})`
    const waiting = this.#waiting.get(sequence)
    this.#waiting.delete(sequence)
    if (error === '') waiting?.resolve(body)
    else waiting?.reject(new PluginError(error))
  }

  #end(why: string, cause?: unknown): void {
    this.#ending ??= { why, cause }
    for (const waiting of this.#waiting.values()) waiting.reject(this.#lost(waiting.method))
    this.#waiting.clear()
    this.#socket.destroy()
  }

  #lost(method: PluginMethod): MachineError {
    const why = this.#ending?.why ?? ''
    return new MachineError('driver', `The driver plugin did not answer ${method}: ${why}`, {
      evidence: `Last seen: ${this.#seen}`,
      cause: this.#ending?.cause,
    })
  }
}
