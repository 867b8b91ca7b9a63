import { dirname } from 'node:path'
import { MachineError, messageOf } from '../contracts/errors.js'

interface Reason {
  readonly text: (path: string) => string
  readonly hint: (path: string) => string
}

const noPermission: Reason = {
  text: () => 'permission denied',
  hint: (path) => `Check owner and mode of ${dirname(path)}: ls -ld '${dirname(path)}'`,
}

/** What each errno means to the user, and what helps. */
const REASONS: Readonly<Record<string, Reason>> = {
  ENOSPC: { text: () => 'the disk is full', hint: (path) => `Free some space: df -h '${dirname(path)}'` },
  EDQUOT: { text: () => 'the disk quota is used up', hint: () => 'Free some space, or ask for more: quota' },
  EFBIG: {
    text: () => 'the file would be larger than the limit of this process allows',
    hint: () => 'Raise the limit: ulimit -f unlimited',
  },
  EROFS: {
    text: () => 'the file system is read-only',
    hint: () => 'Mount it writable, or choose another store with --storage-path or MACHINE_STORAGE_PATH.',
  },
  EACCES: noPermission,
  EPERM: noPermission,
  ENOTDIR: {
    text: () => 'a part of the path is not a directory',
    hint: (path) => `Look at each part of the path: namei -l '${path}'`,
  },
  EISDIR: { text: () => 'it is a directory', hint: (path) => `Move it away: '${path}'` },
  ENAMETOOLONG: {
    text: () => 'the name is too long for this file system',
    hint: () => 'Use a shorter name.',
  },
  ENOENT: { text: () => 'it does not exist', hint: (path) => `Look at ls -la '${dirname(path)}'` },
}

/** The errno name of a thrown value (`ENOENT`), if it has one. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** A failed file operation as a `store` error: what was tried, why it failed, what helps. */
export function fileError(
  action: 'write' | 'read' | 'make' | 'move' | 'remove',
  path: string,
  error: unknown,
): MachineError {
  const reason = REASONS[errnoOf(error) ?? '']
  return new MachineError('store', `Cannot ${action} ${path}: ${reason?.text(path) ?? messageOf(error)}`, {
    hints: reason ? [reason.hint(path)] : [],
    cause: error,
  })
}
