/** Requests: `Filter.1.Name=x` becomes the SDK's own input object, or is refused as EC2 refuses it. */
import { badValue, refuse } from './errors.js'
import type { Member, Scalar, Shape } from './model.js'

interface Node {
  value?: string
  readonly children: Map<string, Node>
}

const COMMON = new Set(['Action', 'Version'])

/** @throws Ec2Error UnknownParameter, MissingParameter, InvalidParameterValue */
export function parseInput(shape: Shape, parameters: URLSearchParams): Record<string, unknown> {
  const root: Node = { children: new Map() }
  for (const [key, value] of parameters) if (!COMMON.has(key)) put(root, key.split('.'), value)
  return read(shape, root, '') as Record<string, unknown>
}

function put(node: Node, path: readonly string[], value: string): void {
  const [first, ...rest] = path
  if (first === undefined) {
    node.value = value
    return
  }
  const child = node.children.get(first) ?? { children: new Map() }
  node.children.set(first, child)
  put(child, rest, value)
}

function read(shape: Shape, node: Node, path: string): unknown {
  if (shape.kind === 'struct') return readStruct(shape.members(), node, path)
  if (shape.kind === 'list') return readList(shape.item, node, path)
  if (node.children.size > 0) unknown(`${path}.${[...node.children.keys()][0] ?? ''}`)
  return readScalar(shape.kind, node.value ?? '', path)
}

function readStruct(members: readonly Member[], node: Node, path: string): Record<string, unknown> {
  if (node.value !== undefined) unknown(path)
  const names = new Set(members.map(({ queryName }) => queryName))
  for (const key of node.children.keys()) if (!names.has(key)) unknown(joined(path, key))
  const present = members.filter((each) => wanted(each, node, path))
  return Object.fromEntries(
    present.map((each) => [
      each.name,
      read(each.shape, node.children.get(each.queryName) as Node, joined(path, each.queryName)),
    ]),
  )
}

function wanted({ queryName, required }: Member, node: Node, path: string): boolean {
  if (node.children.has(queryName)) return true
  if (required)
    refuse('MissingParameter', `The request must contain the parameter ${joined(path, queryName)}`)
  return false
}

/** Positions count from 1 without a gap. */
function readList(item: Shape, node: Node, path: string): unknown[] {
  if (node.value !== undefined) unknown(path)
  return Array.from({ length: node.children.size }, (_, at) => {
    const child = node.children.get(String(at + 1))
    return child ? read(item, child, `${path}.${at + 1}`) : unknown(joined(path, firstStray(node)))
  })
}

function firstStray(node: Node): string {
  const expected = new Set(Array.from({ length: node.children.size }, (_, at) => String(at + 1)))
  return [...node.children.keys()].find((key) => !expected.has(key)) ?? ''
}

const READERS: Readonly<Record<Scalar, (text: string) => unknown>> = {
  string: (text) => text,
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  number: (text) => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined),
  integer: (text) => (/^-?\d+$/.test(text) ? BigInt(text) : undefined),
  blob: (text) => (isBase64(text) ? Buffer.from(text, 'base64') : undefined),
  timestamp: (text) => (Number.isNaN(Date.parse(text)) ? undefined : new Date(text)),
}

export function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}

function readScalar(kind: Scalar, text: string, path: string): unknown {
  return READERS[kind](text) ?? badValue(path, text, `A ${kind} is expected.`)
}

function joined(path: string, key: string): string {
  return path ? `${path}.${key}` : key
}

function unknown(parameter: string): never {
  return refuse('UnknownParameter', `The parameter ${parameter} is not recognized`)
}
