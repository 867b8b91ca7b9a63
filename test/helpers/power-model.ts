/**
 * What a power cut may leave of a directory. Every change is recorded with what was forced to the disk: a file's bytes by
 * a sync of the file, a name by a sync of its directory. Whatever was not may be there, or not, or in part.
 */
import fs from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import type { Change, Watch } from './file-changes.js'

/** The functions of the file system itself, whoever replaces them later. */
const REAL = { ...fs }

/** A file, directory or link, by whatever names. */
export interface Node {
  readonly kind: 'file' | 'directory' | 'link'
  mode: number
  readonly target: string
  /** Of a directory: what its users see now. */
  readonly names: Map<string, Node>
  /** Of a file: what its users see now. */
  seen: Content
}

/** A large file of ours is empty but for its size. */
export type Content = Buffer | { readonly holes: number }
const LARGE = 4 * 1024 * 1024

/** A name of a directory that leads to another node from now on, or to none. */
export interface Edit {
  readonly dir: Node
  readonly name: string
  readonly to: Node | undefined
}

/** `at`: the number of the change that it is part of. */
export type Event = { readonly at: number } & (
  | { readonly type: 'names'; readonly edits: readonly Edit[] }
  | { readonly type: 'bytes'; readonly node: Node; readonly content: Content }
  | { readonly type: 'sync'; readonly node: Node }
)

const EMPTY = Buffer.alloc(0)

export class PowerModel implements Watch {
  readonly events: Event[] = []
  /** What is on the disk before the first change, from `root` down. */
  readonly first: ReadonlyMap<Node, ReadonlyMap<string, Node>>
  readonly firstContent: ReadonlyMap<Node, Content>
  readonly #top: Node
  changes = 0

  constructor(readonly root: string) {
    this.#top = nodeAt(root)
    const nodes = [...all(this.#top)]
    this.first = new Map(nodes.map((node) => [node, new Map(node.names)]))
    this.firstContent = new Map(nodes.map((node) => [node, node.seen]))
  }

  get top(): Node {
    return this.#top
  }

  /** What is renamed may have been filled by another program. */
  before({ name, path }: Change): void {
    if (name === 'rename') this.enterTree(path)
  }

  after(change: Change): void {
    this.changes++
    AFTER[change.name](this, change)
  }

  find(path: string): Node | undefined {
    const parts = relative(this.root, path).split(sep)
    return parts.reduce<Node | undefined>(
      (node, part) => (part === '' ? node : node?.names.get(part)),
      this.#top,
    )
  }

  /** Enters what is there now and was not known. */
  enter(path: string): Node | undefined {
    const known = this.find(path)
    if (known || !REAL.lstatSync(path, { throwIfNoEntry: false })) return known
    const dir = this.enter(dirname(path))
    if (!dir) return undefined
    const { kind, mode, target } = nodeAt(path)
    const node: Node = { kind, mode, target, names: new Map(), seen: EMPTY }
    this.edit([{ dir, name: basename(path), to: node }])
    return node
  }

  /** Enters all that programs of others have put there. */
  enterTree(path: string): void {
    const node = this.enter(path)
    if (node?.kind === 'file') this.bytes(path)
    if (node?.kind !== 'directory') return
    for (const name of REAL.readdirSync(path)) this.enterTree(join(path, name))
  }

  /** Takes out what is not there any more, the innermost first. */
  drop(path: string): void {
    const [dir, node] = [this.find(dirname(path)), this.find(path)]
    if (!dir || !node) return
    for (const name of node.names.keys()) this.drop(join(path, name))
    if (!REAL.lstatSync(path, { throwIfNoEntry: false }))
      this.edit([{ dir, name: basename(path), to: undefined }])
  }

  edit(edits: readonly Edit[]): void {
    for (const { dir, name, to } of edits)
      if (to) dir.names.set(name, to)
      else dir.names.delete(name)
    this.events.push({ at: this.changes, type: 'names', edits })
  }

  bytes(path: string): void {
    const node = this.enter(path)
    if (node?.kind !== 'file') return
    const content = contentOf(path)
    if (same(node.seen, content)) return
    node.seen = content
    this.events.push({ at: this.changes, type: 'bytes', node, content })
  }

  sync(path: string): void {
    const node = this.find(path)
    if (node) this.events.push({ at: this.changes, type: 'sync', node })
  }
}

type After = (model: PowerModel, change: Change) => void

const stores: After = (model, { path }) => model.bytes(path)
const moves: After = (model, { path, to = '' }) => {
  const [node, dir, from] = [
    model.enter(path) ?? model.find(path),
    model.find(dirname(to)),
    model.find(dirname(path)),
  ]
  if (!node || !dir) return void model.bytes(to)
  const made = { dir, name: basename(to), to: node }
  model.edit(from ? [{ dir: from, name: basename(path), to: undefined }, made] : [made])
}
const links: After = (model, { path, to = '' }) => {
  const [node, dir] = [model.find(path), model.find(dirname(to))]
  if (node && dir) model.edit([{ dir, name: basename(to), to: node }])
}
/** A name that was not known before the call is found in the directory. */
const makes: After = (model, { path }) => {
  if (model.enter(path)) return
  for (const name of REAL.readdirSync(dirname(path)))
    if (name.startsWith(basename(path))) model.enter(join(dirname(path), name))
}
const stamps: After = (model, { path }) => {
  const node = model.find(path)
  if (node) node.mode = REAL.lstatSync(path).mode & 0o777
}

const AFTER: Readonly<Record<Change['name'], After>> = {
  open: stores,
  write: stores,
  truncate: stores,
  close: stores,
  sync: (model, { path }) => {
    if (model.enter(path)?.kind === 'file') model.bytes(path)
    model.sync(path)
  },
  rename: moves,
  link: links,
  symlink: (model, { path }) => void model.enter(path),
  mkdir: makes,
  remove: (model, { path }) => model.drop(path),
  stamp: stamps,
}

function nodeAt(path: string): Node {
  const stat = REAL.lstatSync(path)
  const kind = stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'link' : 'file'
  const names = kind === 'directory' ? REAL.readdirSync(path) : []
  return {
    kind,
    mode: stat.mode & 0o777,
    target: kind === 'link' ? REAL.readlinkSync(path) : '',
    names: new Map(names.map((name) => [name, nodeAt(join(path, name))])),
    seen: kind === 'file' ? contentOf(path) : EMPTY,
  }
}

function* all(node: Node): Generator<Node> {
  yield node
  for (const each of node.names.values()) yield* all(each)
}

function contentOf(path: string): Content {
  const { size } = REAL.statSync(path)
  return size > LARGE ? { holes: size } : REAL.readFileSync(path)
}

function same(a: Content, b: Content): boolean {
  return Buffer.isBuffer(a) ? Buffer.isBuffer(b) && a.equals(b) : !Buffer.isBuffer(b) && a.holes === b.holes
}
