import { messageOf } from '../../../contracts/errors.js'
import { METHODS } from './codecs.js'
import type { GobEncoder } from './gob/encoder.js'
import { GobStruct, type GobValue } from './gob/values.js'
import { type Envelope, encodeEnvelope, OLD_SERVICE, SERVICE } from './net-rpc.js'
import { PluginError, type PluginHandlers, type PluginMethod } from './plugin-api.js'
import { TYPE } from './schema.js'

/** Carries out calls, and gives the bytes that answer them. */
export class ServerCalls {
  readonly #handlers: PluginHandlers
  readonly #onCall: (method: PluginMethod) => void

  constructor(handlers: PluginHandlers, onCall: (method: PluginMethod) => void) {
    this.#handlers = handlers
    this.#onCall = onCall
  }

  /** An error is answered as its text, with an empty struct in the place of the reply. */
  async answer(envelope: Envelope, body: GobValue, encoder: GobEncoder): Promise<Buffer> {
    try {
      const reply = await this.#run(methodOf(envelope.serviceMethod), body, encoder)
      return Buffer.concat([encoder.value(TYPE.envelope, encodeEnvelope({ ...envelope, error: '' })), reply])
    } catch (caught) {
      const error = messageOf(caught) || 'unknown error'
      return Buffer.concat([
        encoder.value(TYPE.envelope, encodeEnvelope({ ...envelope, error })),
        encoder.value(TYPE.empty, new GobStruct('')),
      ])
    }
  }

  async #run<M extends PluginMethod>(method: M, body: GobValue, encoder: GobEncoder): Promise<Buffer> {
    const { argument, reply } = METHODS[method]
    this.#onCall(method)
    const value = await this.#handlers[method](argument.decode(body))
    return encoder.value(reply.type, reply.encode(value))
  }
}

/** @throws PluginError in the words of Go's server, which clients may look for */
function methodOf(serviceMethod: string): PluginMethod {
  const dot = serviceMethod.lastIndexOf('.')
  if (dot < 0) throw new PluginError(`rpc: service/method request ill-formed: ${serviceMethod}`)
  const service = serviceMethod.slice(0, dot)
  if (service !== SERVICE && service !== OLD_SERVICE)
    throw new PluginError(`rpc: can't find service ${serviceMethod}`)
  const method = serviceMethod.slice(dot + 1)
  if (isMethod(method)) return method
  throw new PluginError(`rpc: can't find method ${serviceMethod}`)
}

function isMethod(name: string): name is PluginMethod {
  return Object.hasOwn(METHODS, name)
}
