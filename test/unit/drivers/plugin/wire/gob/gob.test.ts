import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { GobDecoder } from '../../../../../../src/drivers/plugin/wire/gob/decoder.js'
import { GobEncoder, type GobSchema } from '../../../../../../src/drivers/plugin/wire/gob/encoder.js'
import { type GobType, ID } from '../../../../../../src/drivers/plugin/wire/gob/types.js'
import {
  GobComplex,
  GobInterface,
  GobOpaque,
  GobStruct,
  type GobValue,
} from '../../../../../../src/drivers/plugin/wire/gob/values.js'
import { CHUNKINGS, inChunks } from '../../../../../helpers/gob-captures.js'
import { random } from '../../../../../helpers/hostile-values.js'

const FILE = join(import.meta.dirname, '../../../../../fixtures/gob-values/values.hex')
const STREAM = Buffer.from(readFileSync(FILE, 'utf8').replaceAll('\n', ''), 'hex')

function decode(chunks: readonly Buffer[]): GobValue[] {
  const decoder = new GobDecoder()
  return chunks.flatMap((chunk) => [...decoder.push(chunk)])
}

const struct = (name: string, fields: Readonly<Record<string, GobValue>>): GobStruct =>
  new GobStruct(name, new Map(Object.entries(fields)))

/** What test/fixtures/gob-values/values.go encodes. */
const VALUES: readonly GobValue[] = [
  struct('All', {
    A: [-1, 0, 300],
    C: new GobComplex(1.5, -2),
    F: 0.25,
    U: 2n ** 64n - 1n,
    I: -(2n ** 63n),
    B: true,
    By: Buffer.of(0, 255),
    M: new Map([['k', -129]]),
    T: new GobOpaque('Time', Buffer.from('010000000e7791f70100000000ffff', 'hex')),
    N: struct('Node', { V: 1, Next: struct('Node', { V: 2 }), Kids: [struct('Node', { V: 3 })] }),
    X: crate(new GobInterface('box', struct('Box', { X: crate(inner('deep', 17), 'b') })), 'a'),
    E: [false, false],
    Last: 'end',
  }),
  [
    null,
    new GobInterface('int', 7),
    new GobInterface('[]int', [1, -2]),
    new GobInterface('inner', struct('Inner', { S: 'again' })),
    new GobInterface('string', 's'),
    new GobInterface('float64', 2.5),
    new GobInterface('bool', true),
  ],
  2 ** 40,
  -1,
  '',
]

function crate(held: GobValue, after: string): GobInterface {
  return new GobInterface('crate', struct('Crate', { X: held, After: after }))
}

function inner(text: string, fraction: number): GobInterface {
  return new GobInterface('inner', struct('Inner', { S: text, F: fraction }))
}

for (const how of CHUNKINGS)
  t.test(`every kind of value of Go's own encoder is decoded, in chunks: ${how}`, async (t) => {
    t.strictSame(decode(inChunks(STREAM, how, 5)), VALUES)
  })

t.test('a value that is cut off is none yet', async (t) => {
  for (let length = 0; length < STREAM.length; length++) {
    const values = decode([STREAM.subarray(0, length)])
    t.strictSame(values, VALUES.slice(0, values.length))
  }
  t.equal(decode([STREAM.subarray(0, -1)]).length, VALUES.length - 1)
})

const EMPTY_SCHEMA: GobSchema = { types: new Map(), registered: new Map() }

t.test('definitions and scalars have the bytes that Go gives them', async (t) => {
  const schema: GobSchema = {
    types: new Map([[66, { kind: 'struct', name: '', fields: [] }]]),
    registered: new Map(),
  }
  t.equal(new GobEncoder(schema).definitions().toString('hex'), '0aff83030102ff84000000')
  t.equal(new GobEncoder(schema).value(66, struct('', {})).toString('hex'), '03ff8400')
  const encoder = new GobEncoder(EMPTY_SCHEMA)
  const bytes = (id: number, value: GobValue): string => encoder.value(id, value).toString('hex')
  t.equal(bytes(ID.int, 1), '03040002')
  t.equal(bytes(ID.int, -1), '03040001')
  t.equal(bytes(ID.int, 2 ** 40), '090400fa020000000000')
  t.equal(bytes(ID.string, ''), '030c0000')
  t.equal(bytes(ID.uint, 2n ** 64n - 1n), '0b0600f8ffffffffffffffff')
  t.equal(bytes(ID.int, -(2n ** 63n)), '0b0400f8ffffffffffffffff')
  t.equal(bytes(ID.float, 17), '050800fe3140')
})

t.test('a value of another type than its schema says is refused', async (t) => {
  const encoder = new GobEncoder(EMPTY_SCHEMA)
  const wrong: readonly [number, GobValue][] = [
    [ID.int, 'x'],
    [ID.int, 1.5],
    [ID.int, 2 ** 60],
    [ID.bool, 1],
    [ID.string, Buffer.from('x')],
    [ID.bytes, 'x'],
    [ID.float, '1'],
    [ID.complex, 1],
    [ID.interface, 1],
    [ID.interface, new GobInterface('unknown', 1)],
    [99, 1],
  ]
  for (const [id, value] of wrong) t.throws(() => encoder.value(id, value), { name: 'GobError' }, `${id}`)
})

function pick<T>(all: readonly T[], next: (limit: number) => number): T {
  const picked = all[next(all.length)]
  if (picked === undefined) throw new Error('nothing to pick')
  return picked
}

/** Types of every kind, each of which may hold the ones before it. */
function randomSchema(next: (limit: number) => number): GobSchema {
  const types = new Map<number, GobType>()
  const any = (): number => (next(2) ? 1 + next(8) : ([...types.keys()][next(types.size)] ?? ID.string))
  const make: (() => GobType)[] = [
    () => ({ kind: 'slice', element: any() }),
    () => ({ kind: 'array', element: any(), length: next(4) }),
    () => ({ kind: 'map', key: next(2) ? ID.string : ID.int, element: any() }),
    () => ({ kind: 'opaque', name: `O${next(9)}` }),
    () => ({
      kind: 'struct',
      name: `S${next(9)}`,
      fields: Array.from({ length: next(6) }, (_, index) => [`F${index}`, any()] as const),
    }),
  ]
  for (let id = 65 + next(200); types.size < 12; id += 1 + next(3)) types.set(id, pick(make, next)())
  return { types, registered: new Map([...types.keys(), ID.int, ID.string].map((id) => [`t${id}`, id])) }
}

class Values {
  constructor(
    readonly schema: GobSchema,
    readonly next: (limit: number) => number,
  ) {}

  of(id: number, depth = 0): GobValue {
    const type = this.schema.types.get(id)
    if (type?.kind === 'slice') return this.#list(this.next(4), type.element, depth)
    if (type?.kind === 'array') return this.#list(type.length, type.element, depth)
    if (type?.kind === 'map') {
      const keys = type.key === ID.int ? [-1, 0, 70_000] : ['', 'a', 'ü']
      return new Map(keys.slice(this.next(4)).map((key) => [key, this.of(type.element, depth + 1)]))
    }
    if (type?.kind === 'opaque') return new GobOpaque(type.name, Buffer.alloc(this.next(9), 7))
    if (type?.kind === 'struct')
      return new GobStruct(
        type.name,
        new Map(type.fields.map(([name, field]) => [name, this.of(field, depth + 1)])),
      )
    return this.#scalar(id, depth)
  }

  #list(length: number, element: number, depth: number): GobValue[] {
    return Array.from({ length }, () => this.of(element, depth + 1))
  }

  #scalar(id: number, depth: number): GobValue {
    const whole = [
      0,
      1,
      63,
      64,
      127,
      128,
      255,
      256,
      2 ** 31,
      2 ** 32 + 1,
      Number.MAX_SAFE_INTEGER,
      2n ** 63n - 1n,
    ]
    const size = whole[this.next(whole.length)] ?? 0
    const fraction = [0.5, -1, 1e300, 5e-324, Infinity, 3.25][this.next(6)] ?? 1
    const names = [...this.schema.registered]
    const [name = '', held = 0] = names[this.next(names.length)] ?? []
    const byId: Readonly<Record<number, () => GobValue>> = {
      [ID.bool]: () => this.next(2) === 1,
      [ID.int]: () => (this.next(2) ? size : -size || 0),
      [ID.uint]: () => size,
      [ID.float]: () => fraction,
      [ID.bytes]: () => Buffer.alloc(this.next(300), 1),
      [ID.string]: () => 'ä\u0000z'.repeat(this.next(99)),
      [ID.complex]: () => new GobComplex(fraction, -fraction),
      [ID.interface]: () => (depth > 6 ? null : new GobInterface(name, this.of(held, depth + 1))),
    }
    return byId[id]?.() ?? null
  }
}

/** A struct's fields that have their zero value are not sent. */
function withoutZeros(value: GobValue): GobValue {
  if (value instanceof GobInterface) return new GobInterface(value.registered, withoutZeros(value.value))
  if (Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map((part: GobValue) => withoutZeros(part))
  if (value instanceof Map)
    return new Map([...value].map(([key, held]: [GobValue, GobValue]) => [key, withoutZeros(held)]))
  if (!(value instanceof GobStruct)) return value
  const sent = [...value.fields].filter(([, field]) => !isZero(field))
  return new GobStruct(value.name, new Map(sent.map(([name, field]) => [name, withoutZeros(field)])))
}

function isZero(value: GobValue): boolean {
  if (Buffer.isBuffer(value) || Array.isArray(value)) return value.length === 0
  return value instanceof Map
    ? value.size === 0
    : value === null || [0, '', false].some((zero) => zero === value)
}

t.test('whatever is encoded is decoded to the same', async (t) => {
  let kinds = new Set<string>()
  for (let seed = 1; seed <= 150; seed++) {
    const next = random(seed)
    const schema = randomSchema(next)
    const encoder = new GobEncoder(schema)
    const ids = [...schema.types.keys(), ...Object.values(ID).filter((id) => id !== ID.interface)]
    const values = ids.map((id) => new Values(schema, next).of(id))
    const stream = Buffer.concat([
      encoder.definitions(),
      ...values.map((value, index) => encoder.value(ids[index] ?? 0, value)),
    ])
    kinds = new Set([...kinds, ...[...schema.types.values()].map(({ kind }) => kind)])
    t.strictSame(decode(inChunks(stream, 'random', seed)), values.map(withoutZeros), `seed ${seed}`)
  }
  t.equal(kinds.size, 5)
})
