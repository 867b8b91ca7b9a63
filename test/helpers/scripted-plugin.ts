import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { GobDecoder } from '../../src/drivers/plugin/wire/gob/decoder.js'
import { GobEncoder } from '../../src/drivers/plugin/wire/gob/encoder.js'
import type { GobValue } from '../../src/drivers/plugin/wire/gob/values.js'
import {
  CONNECT_REPLY,
  CONNECT_REQUEST,
  type Envelope,
  encodeEnvelope,
  Pairs,
} from '../../src/drivers/plugin/wire/net-rpc.js'
import { SERVER_SCHEMA, TYPE } from '../../src/drivers/plugin/wire/schema.js'

export interface ScriptedCall {
  readonly envelope: Envelope
  readonly body: GobValue
}

/** One client's connection to a plugin that says exactly what a test wants. */
export interface Script {
  readonly socket: Socket
  /** The next call of the client. */
  readonly next: () => Promise<ScriptedCall>
  /** Sends bytes and waits until they are gone, so that they are a chunk of their own as far as TCP lets them. */
  readonly send: (bytes: Buffer | string) => Promise<void>
}

/** Listens on loopback, and plays `script` for each connection once it was greeted. */
export async function scriptedPlugin(
  t: Test,
  script: (script: Script) => Promise<void>,
  greeting = CONNECT_REPLY,
): Promise<{ host: string; port: number }> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    void play(socket, script, greeting)
  })
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { host: '127.0.0.1', port: address.port }
}

async function play(
  socket: Socket,
  script: (script: Script) => Promise<void>,
  greeting: string,
): Promise<void> {
  const calls: ScriptedCall[] = []
  const waiting: ((call: ScriptedCall) => void)[] = []
  const onCall = (call: ScriptedCall): void => {
    const resolve = waiting.shift()
    if (resolve) resolve(call)
    else calls.push(call)
  }
  await new Promise<void>((resolve) => socket.on('data', reader(onCall, resolve)))
  const send = (bytes: Buffer | string): Promise<void> =>
    new Promise((resolve) => void socket.write(bytes, () => resolve()))
  await send(greeting)
  const next = async (): Promise<ScriptedCall> =>
    calls.shift() ?? (await new Promise<ScriptedCall>((resolve) => waiting.push(resolve)))
  await script({ socket, next, send })
}

function reader(onCall: (call: ScriptedCall) => void, onGreeting: () => void): (chunk: Buffer) => void {
  const decoder = new GobDecoder()
  const pairs = new Pairs()
  let head = ''
  return (chunk) => {
    const missing = CONNECT_REQUEST.length - head.length
    head += chunk.toString('latin1', 0, missing)
    if (missing > 0 && head === CONNECT_REQUEST) onGreeting()
    for (const value of decoder.push(chunk.subarray(missing))) {
      const call = pairs.push(value)
      if (call) onCall(call)
    }
  }
}

const ENCODER = new GobEncoder(SERVER_SCHEMA)

export const DEFINITIONS = ENCODER.definitions()

/** The bytes that answer a call: a value of one of our types, or an error's text. */
export function answer({ envelope }: ScriptedCall, type: number, value: GobValue, error = ''): Buffer {
  return Buffer.concat([
    ENCODER.value(TYPE.envelope, encodeEnvelope({ ...envelope, error })),
    ENCODER.value(type, value),
  ])
}
