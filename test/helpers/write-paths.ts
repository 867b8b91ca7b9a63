/**
 * Everything of ours that writes to a disk, each as one small case: how it starts, what it does, and what may be seen
 * afterwards. Used with file systems that fail or lose power.
 */
import { RECORD_PATHS } from './write-paths/records.js'
import { CERTIFICATE_PATHS } from './write-paths/certificates.js'
import { DOCKER_PATHS } from './write-paths/docker.js'
import { PROGRAM_PATHS } from './write-paths/programs.js'
import { OTHER_PATHS } from './write-paths/others.js'

/** What is there: all as before, all as wanted. `look` throws for anything else. */
export type Seen = 'old' | 'new'

export interface WritePath {
  readonly name: string
  /** Fills the empty directory. */
  readonly prepare?: (dir: string) => Promise<unknown>
  readonly act: (dir: string) => Promise<unknown>
  /** What a reader sees now. */
  readonly look: (dir: string) => Seen | Promise<Seen>
  /** A copy or a count: where it is lost it is made again, and no verb fails for it. */
  readonly forgiving?: true
  /** What a try that failed leaves for the next one. */
  readonly keeps?: RegExp
}

export const WRITE_PATHS: readonly WritePath[] = [
  ...RECORD_PATHS,
  ...CERTIFICATE_PATHS,
  ...DOCKER_PATHS,
  ...OTHER_PATHS,
  ...PROGRAM_PATHS,
]
