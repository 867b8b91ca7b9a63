import t from 'tap'
import { METHODS } from '../../../../../../src/drivers/plugin/wire/codecs.js'
import { GobDecoder } from '../../../../../../src/drivers/plugin/wire/gob/decoder.js'
import { GobEncoder } from '../../../../../../src/drivers/plugin/wire/gob/encoder.js'
import { DEFAULT_LIMITS, type GobLimits } from '../../../../../../src/drivers/plugin/wire/gob/limits.js'
import type { GobType } from '../../../../../../src/drivers/plugin/wire/gob/types.js'
import { GobError } from '../../../../../../src/drivers/plugin/wire/gob/values.js'
import { Pairs } from '../../../../../../src/drivers/plugin/wire/net-rpc.js'
import { damaged } from '../../../../../helpers/damaged-streams.js'
import { inChunks, readCaptures } from '../../../../../helpers/gob-captures.js'
import { isPluginMethod } from '../../../../../helpers/plugin-handlers.js'
import { size } from '../../../../../sizes.js'

const STREAMS = readCaptures()
  .flatMap(({ client, server }) => [client, server])
  .filter(({ length }) => length > 0)
const LIMITS: GobLimits = {
  valueBytes: 20_000,
  parts: 2_000,
  depth: 20,
  definitions: 40,
  definitionBytes: 4_000,
}
const SLOW_MS = 2_000
const HEAP_BYTES = 100 << 20

/** Takes a stream as both sides do. @returns what it ended with, where only a GobError may be thrown */
function take(stream: Buffer, seed: number, limits: GobLimits): 'values' | 'error' {
  const decoder = new GobDecoder(limits)
  const pairs = new Pairs()
  try {
    for (const chunk of inChunks(stream, 'random', seed))
      for (const value of decoder.push(chunk)) {
        const pair = pairs.push(value)
        const method = pair?.envelope.serviceMethod.split('.')[1] ?? ''
        if (!pair || !isPluginMethod(method)) continue
        for (const side of ['argument', 'reply'] as const)
          mayFail(() => METHODS[method][side].decode(pair.body))
      }
    return 'values'
  } catch (error) {
    if (error instanceof GobError) return 'error'
    throw error
  }
}

/** A body that is not of its type fails its call; the stream goes on. */
function mayFail(decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    if (!(error instanceof GobError)) throw error
  }
}

t.test('damaged streams end with values or a GobError, soon and in little memory', async (t) => {
  const ends = { values: 0, error: 0 }
  let slowest = 0
  const heap = process.memoryUsage().heapUsed
  let most = 0
  for (let seed = 1; seed <= size('fuzzedStreams'); seed++) {
    const stream = damaged(STREAMS, seed)
    const started = performance.now()
    ends[take(stream, seed, LIMITS)]++
    slowest = Math.max(slowest, performance.now() - started)
    most = Math.max(most, process.memoryUsage().heapUsed - heap)
  }
  t.comment(`${JSON.stringify(ends)}, slowest ${Math.round(slowest)} ms, most ${most >> 20} MB`)
  t.ok(slowest < SLOW_MS, `the slowest took ${slowest} ms`)
  t.ok(most < HEAP_BYTES, `at most ${most} bytes of heap`)
  t.ok(ends.values > 0 && ends.error > ends.values, 'both ends happened')
})

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** A message of a body. */
function message(...body: Buffer[]): Buffer {
  const bytes = Buffer.concat(body)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([Buffer.of(0xfc), length, bytes])
}

/** The definitions of types, the first of which is 65. */
function defined(...types: readonly GobType[]): Buffer {
  const byId = types.map((type, index): [number, GobType] => [65 + index, type])
  return new GobEncoder({ types: new Map(byId), registered: new Map() }).definitions()
}

const EMPTY: GobType = { kind: 'struct', name: '', fields: [] }
const LIST_OF_ITSELF = defined({ kind: 'slice', element: 65 })
const STRUCT_OF_ITSELF = defined({ kind: 'struct', name: 'S', fields: [['F', 65]] })

const HOSTILE: readonly (readonly [string, Buffer, RegExp])[] = [
  ['a message longer than is taken', hex('f8 7f ff ff ff ff ff ff ff'), /bytes in one value/],
  ['a message a little longer', hex('fc 01 00 00 01'), /bytes in one value/],
  ['a length of nine bytes', hex('f7'), /a message length of 9 bytes/],
  ['an empty message', hex('00'), /empty message/],
  ['a string longer than its message', hex('0b 0c 00 f8 7f ff ff ff ff ff ff ff'), /announced|too large/],
  ['bytes longer than their message', hex('05 0a 00 fe 7f ff'), /32767 bytes are announced/],
  ['a type that nobody defined', hex('04 ff 82 00 00'), /type 65 is not defined/],
  ['a redefinition of int', hex('09 03 03 01 02 04 00 00 00 00'), /defined twice/],
  ['a type defined twice', Buffer.concat([LIST_OF_ITSELF, LIST_OF_ITSELF]), /defined twice/],
  ['a definition of nothing', hex('03 ff 81 00'), /no one kind/],
  ['a field that there is not', hex('03 ff81 09'), /has no field 8/],
  ['a field number beyond all', hex('0b ff81 f8 ff ff ff ff ff ff ff ff'), /too large|has no field/],
  ['no zero in front of a value', hex('03 04 01 02'), /no zero/],
  ['bytes after a value', hex('04 04 00 02 02'), /left after a value/],
  [
    'a list inside itself, deeper than is taken',
    Buffer.concat([LIST_OF_ITSELF, message(hex('ff82 00'), Buffer.alloc(10_000, 1))]),
    /values inside each other/,
  ],
  [
    'a struct inside itself, deeper than is taken',
    Buffer.concat([STRUCT_OF_ITSELF, message(hex('ff82'), Buffer.alloc(10_000, 1))]),
    /values inside each other/,
  ],
  [
    'more empty elements than are taken',
    Buffer.concat([
      defined({ kind: 'slice', element: 66 }, EMPTY),
      message(hex('ff82 00 fd 0fffff'), Buffer.alloc(1_000_000)),
    ]),
    /values in one value/,
  ],
  ['endless definitions', endlessDefinitions(600), /more than 500 types/],
  ['a definition longer than all may be', longDefinition(2 << 20), /bytes of type definitions/],
  ['an interface that goes on in message after message', endlessInterface(17), /bytes in one value/],
]

function endlessDefinitions(count: number): Buffer {
  return defined(...Array.from({ length: count }, () => EMPTY))
}

function longDefinition(length: number): Buffer {
  return defined({ kind: 'struct', name: 'x'.repeat(length), fields: [] })
}

/** Strings of a megabyte in a list of interfaces, which new types cut into messages. */
function endlessInterface(megabytes: number): Buffer {
  const text = Buffer.concat([hex('06 737472696e67 0c 00 00 fd 100000'), Buffer.alloc(1 << 20, 0x61)])
  const parts = Array.from({ length: megabytes }, (_, index) => {
    const begin = index === 0 ? hex('ff82 00 7f') : Buffer.from([0xff, typeByte(index - 1), 1, 0])
    return message(
      begin,
      text,
      hex('01 78 ff'),
      Buffer.of(typeByte(index) - 1),
      hex('03 01 02 ff82 00 00 00'),
    )
  })
  return Buffer.concat([defined({ kind: 'slice', element: 8 }), ...parts])
}

/** The second byte of the id of an empty struct; the byte of its definition is one less. */
function typeByte(index: number): number {
  return (70 + index) * 2
}

for (const [what, stream, expected] of HOSTILE)
  t.test(`refused at once: ${what}`, async (t) => {
    const started = performance.now()
    t.throws(() => [...new GobDecoder().push(stream)], { name: 'GobError', message: expected })
    t.ok(performance.now() - started < SLOW_MS)
  })

t.test('an announced length costs nothing until its bytes come', async (t) => {
  const before = process.memoryUsage().arrayBuffers
  const decoders = Array.from({ length: 200 }, () => {
    const decoder = new GobDecoder()
    return { decoder, values: [...decoder.push(hex('fd ffffff 0a 00'))] }
  })
  t.ok(decoders.every(({ values }) => values.length === 0))
  t.ok(process.memoryUsage().arrayBuffers - before < 16 << 20)
})

t.test('a value as large as is taken is taken, also byte by byte', async (t) => {
  const bytes = DEFAULT_LIMITS.valueBytes - 10
  const count = Buffer.alloc(4)
  count.writeUInt32BE(bytes)
  const stream = message(hex('0a 00 fc'), count, Buffer.alloc(bytes, 7))
  const decoder = new GobDecoder()
  const values = [
    ...inChunks(stream.subarray(0, 50_000), 'bytes').flatMap((chunk) => [...decoder.push(chunk)]),
    ...decoder.push(stream.subarray(50_000)),
  ]
  t.strictSame(
    values.map((value) => Buffer.isBuffer(value) && value.length),
    [bytes],
  )
})
