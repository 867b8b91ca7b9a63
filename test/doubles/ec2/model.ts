/** EC2 as the SDK describes it: its operations and their shapes, read from the schemas that the SDK itself works with. */
import { createRequire } from 'node:module'

export interface Member {
  readonly name: string
  /** In a request: `ImageId`, `SecurityGroup`. */
  readonly queryName: string
  /** In an answer: `imageId`, `groupSet`. */
  readonly xmlName: string
  readonly required: boolean
  readonly shape: Shape
}

export type Scalar = 'string' | 'boolean' | 'integer' | 'number' | 'blob' | 'timestamp'

export type Shape =
  | { readonly kind: Scalar }
  | { readonly kind: 'struct'; readonly name: string; readonly members: () => readonly Member[] }
  | { readonly kind: 'list'; readonly itemXml: string; readonly item: Shape }

export interface Operation {
  readonly name: string
  readonly input: Shape
  readonly output: Shape
}

interface Traits {
  readonly xmlName?: string
  readonly ec2QueryName?: string
}

/** The SDK's static schemas: arrays that begin with the number of their kind. */
const LIST = 1
const STRUCT = 3
const OPERATION = 9
const SCALARS: Readonly<Record<number, Scalar>> = {
  0: 'string',
  1: 'number',
  2: 'boolean',
  4: 'timestamp',
  5: 'timestamp',
  7: 'timestamp',
  17: 'integer',
  21: 'blob',
}

const sdk = createRequire(import.meta.url)('@aws-sdk/client-ec2') as Record<string, unknown>
const shapes = new Map<unknown, Shape>()
const operations = new Map<string, Operation>()

/** Undefined for what EC2 has no such action for. */
export function operation(name: string): Operation | undefined {
  const known = operations.get(name)
  if (known) return known
  const schema = /^\w+$/.test(name) ? sdk[`${name}$`] : undefined
  if (!Array.isArray(schema) || schema[0] !== OPERATION) return undefined
  const made = { name, input: shapeOf(schema[4]), output: shapeOf(schema[5]) }
  operations.set(name, made)
  return made
}

function shapeOf(reference: unknown): Shape {
  const schema = dereferenced(reference)
  const known = shapes.get(schema)
  if (known) return known
  const made = makeShape(schema)
  shapes.set(schema, made)
  return made
}

function dereferenced(reference: unknown): unknown {
  return typeof reference === 'function' ? dereferenced((reference as () => unknown)()) : reference
}

function makeShape(schema: unknown): Shape {
  if (schema === 'unit') return { kind: 'struct', name: 'unit', members: () => [] }
  if (typeof schema === 'number') return numbered(schema)
  if (!Array.isArray(schema)) throw new Error(`the SDK has a schema of a new kind: ${String(schema)}`)
  if (schema[0] === 0) return shapeOf(schema[4])
  if (schema[0] === LIST) return list(schema[4])
  if (schema[0] === STRUCT) return struct(schema)
  throw new Error(`the SDK has a schema of a new kind: ${String(schema[0])}`)
}

/** From 64 on: a list of a simple kind without a name of its own. */
function numbered(schema: number): Shape {
  if (schema >= 64 && schema < 128) return { kind: 'list', itemXml: 'member', item: numbered(schema - 64) }
  const kind = SCALARS[schema]
  if (!kind) throw new Error(`the SDK has a simple schema of a new kind: ${schema}`)
  return { kind }
}

function list(of: unknown): Shape {
  const { target, traits } = split(of)
  return { kind: 'list', itemXml: traits.xmlName ?? 'member', item: shapeOf(target) }
}

function struct(schema: readonly unknown[]): Shape {
  const names = schema[4] as readonly string[]
  const types = schema[5] as readonly unknown[]
  const required = typeof schema[6] === 'number' ? schema[6] : 0
  let made: readonly Member[] | undefined
  const members = (): readonly Member[] =>
    (made ??= names.map((name, at) => member(name, types[at], at < required)))
  return { kind: 'struct', name: String(schema[2]), members }
}

function member(name: string, type: unknown, required: boolean): Member {
  const { target, traits } = split(type)
  const xmlName = traits.xmlName ?? name
  const capital = xmlName.slice(0, 1).toUpperCase() + xmlName.slice(1)
  return { name, xmlName, queryName: traits.ec2QueryName ?? capital, required, shape: shapeOf(target) }
}

/** A member is its target, or the pair of its target and its traits. */
function split(type: unknown): { target: unknown; traits: Traits } {
  if (!Array.isArray(type) || type.length !== 2) return { target: type, traits: {} }
  const traits: unknown = type[1]
  return { target: type[0], traits: typeof traits === 'object' && traits !== null ? traits : {} }
}
