/** Operations of a file system that change something, and how those who watch them may let them fail. */
export type ChangeName =
  | 'open'
  | 'write'
  | 'sync'
  | 'close'
  | 'rename'
  | 'link'
  | 'symlink'
  | 'mkdir'
  | 'remove'
  | 'truncate'
  | 'stamp'

/** One operation that changes something, or that forces it to the disk. */
export interface Change {
  readonly name: ChangeName
  readonly path: string
  /** Of a rename or a link: where it leads. */
  readonly to?: string
  /** Of an open: whether the file is emptied. */
  readonly empties?: boolean
}

export interface Watch {
  /** Called before an operation, whose failure it may be. */
  before?(change: Change): void
  /** Called after an operation that succeeded. */
  after?(change: Change): void
}

/**
 * A failure that comes after half of the bytes, or half of a removal; of a rename or a link after all of it, as a file
 * server tells whose first answer was lost.
 */
export class HalfDone extends Error {
  constructor(
    readonly code: string,
    readonly syscall: string,
    readonly path: string,
  ) {
    super(`${code}: injected, ${syscall} '${path}'`)
  }
}
