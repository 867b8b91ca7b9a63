/** One of the states of a directory that a power cut may leave, made in its place. */
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Content, Edit, Event, Node, PowerModel } from './power-model.js'

/**
 * What becomes of that which was not forced to the disk: none of it is there; all names are there and no byte (a journal
 * that is written before the files, as most file systems do); or each name and each file as the dice fall.
 */
export const LOSSES = ['all', 'bytes', 'some'] as const
export type Loss = (typeof LOSSES)[number]

export interface Cut {
  /** After so many changes. */
  readonly at: number
  readonly loss: Loss
  readonly next: (limit: number) => number
}

type Names = Map<Node, Map<string, Node>>

/** Puts what the disk holds after the cut in the place of the directory. */
export function cutPower(model: PowerModel, cut: Cut): void {
  const events = model.events.filter(({ at }) => at <= cut.at)
  const names: Names = new Map([...model.first].map(([dir, map]) => [dir, new Map(map)]))
  for (const edit of keptEdits(events, cut).flat()) {
    const map = names.get(edit.dir) ?? new Map<string, Node>()
    names.set(edit.dir, edit.to ? map.set(edit.name, edit.to) : without(map, edit.name))
  }
  for (const name of readdirSync(model.root)) rmSync(join(model.root, name), { recursive: true, force: true })
  const files = keptFiles(model, events, cut)
  const made = new Map<Node, string>()
  fill(model.root, model.top, { names, files, made })
}

function without(map: Map<string, Node>, name: string): Map<string, Node> {
  map.delete(name)
  return map
}

/** The names that are on the disk, in the order of their making. A change of a name waits for those before it. */
function keptEdits(events: readonly Event[], { loss, next }: Cut): readonly (readonly Edit[])[] {
  const groups = events.flatMap((event) => (event.type === 'names' ? [event] : []))
  const sure = new Set<Event>()
  const keep = (index: number): void => {
    const event = groups[index]
    if (!event || sure.has(event)) return
    sure.add(event)
    for (const [earlier, before] of groups.slice(0, index).entries())
      if (touch(before.edits, event.edits)) keep(earlier)
  }
  let known = 0
  for (const event of events) {
    if (event.type === 'names') known++
    if (event.type !== 'sync') continue
    for (const [index, { edits }] of groups.slice(0, known).entries())
      if (edits.some(({ dir }) => dir === event.node)) keep(index)
  }
  const lost: Edit[] = []
  return groups.flatMap((event) => {
    const { edits } = event
    const isKept = loss === 'bytes' || (loss === 'some' && next(2) === 0 && !touch(lost, edits))
    if (sure.has(event) || isKept) return [edits]
    lost.push(...edits)
    return []
  })
}

const touch = (a: readonly Edit[], b: readonly Edit[]): boolean =>
  a.some(({ dir, name }) => b.some((other) => other.dir === dir && other.name === name))

function keptFiles(model: PowerModel, events: readonly Event[], cut: Cut): Map<Node, Content> {
  const sure = new Map(model.firstContent)
  const loose = new Map<Node, Content[]>()
  for (const event of events) {
    if (event.type === 'bytes') loose.set(event.node, [...(loose.get(event.node) ?? []), event.content])
    const last = event.type === 'sync' ? loose.get(event.node)?.at(-1) : undefined
    if (event.type !== 'sync' || last === undefined) continue
    sure.set(event.node, last)
    loose.delete(event.node)
  }
  if (cut.loss === 'some')
    for (const [node, contents] of loose) sure.set(node, damaged(sure.get(node), contents, cut.next))
  return sure
}

/** Old, new, something between, the first half, or blocks that nobody has written. */
function damaged(old: Content | undefined, contents: readonly Content[], next: Cut['next']): Content {
  const last = contents.at(-1)
  const known = [...(old ? [old] : [Buffer.alloc(0)]), ...contents]
  const [half, blank] = Buffer.isBuffer(last)
    ? [last.subarray(0, last.length >> 1), Buffer.alloc(last.length)]
    : []
  const choice = [...known, ...(half && blank ? [half, blank] : [])]
  return choice[next(choice.length)] ?? Buffer.alloc(0)
}

interface Disk {
  readonly names: Names
  readonly files: ReadonlyMap<Node, Content>
  /** Where a file has its first name. */
  readonly made: Map<Node, string>
}

function fill(path: string, dir: Node, disk: Disk): void {
  for (const [name, node] of disk.names.get(dir) ?? []) place(join(path, name), node, disk)
}

function place(path: string, node: Node, disk: Disk): void {
  const first = disk.made.get(node)
  if (first !== undefined) return node.kind === 'file' ? linkSync(first, path) : undefined
  disk.made.set(node, path)
  if (node.kind === 'link') return symlinkSync(node.target, path)
  if (node.kind === 'directory') {
    mkdirSync(path, { mode: 0o700 })
    fill(path, node, disk)
  } else {
    const content = disk.files.get(node) ?? Buffer.alloc(0)
    writeFileSync(path, Buffer.isBuffer(content) ? content : '')
    if (!Buffer.isBuffer(content)) truncateSync(path, content.holes)
  }
  chmodSync(path, node.mode)
}
