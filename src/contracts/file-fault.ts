/** What the system's words for failed file operations mean to a user, and what helps. Pure. */
import { dirname } from 'node:path'

interface Reason {
  readonly text: string
  readonly hint: (path: string) => string
}

const noPermission: Reason = {
  text: 'permission denied',
  hint: (path) => `Check owner and mode of ${dirname(path)}: ls -ld '${dirname(path)}'`,
}

const inUse: Reason = {
  text: 'something still uses it',
  hint: (path) => `See what does: fuser -v '${path}'`,
}

const tooManyFiles: Reason = {
  text: 'too many files are open',
  hint: () => 'Raise the limit: ulimit -n 4096',
}

/** The computer says no: whoever tried has done nothing wrong. */
const REFUSALS: Readonly<Record<string, Reason>> = {
  ENOSPC: { text: 'the disk is full', hint: (path) => `Free some space: df -h '${dirname(path)}'` },
  EDQUOT: { text: 'the disk quota is used up', hint: () => 'Free some space, or ask for more: quota' },
  EFBIG: {
    text: 'the file would be larger than the limit of this process allows',
    hint: () => 'Raise the limit: ulimit -f unlimited',
  },
  EROFS: {
    text: 'the file system is read-only',
    hint: () => 'Mount it writable, or choose another store with --storage-path or MACHINE_STORAGE_PATH.',
  },
  EIO: {
    text: 'the disk reports an error',
    hint: () => 'See what the system says of it: dmesg | tail, and have a backup.',
  },
  ESTALE: {
    text: 'the file server has lost sight of it',
    hint: () => 'Run the command again; if that does not help, mount the file system again.',
  },
  EACCES: noPermission,
  EPERM: noPermission,
  EBUSY: inUse,
  ETXTBSY: inUse,
  EMFILE: tooManyFiles,
  ENFILE: tooManyFiles,
}

/** These may also be the fault of the caller. */
const OTHERS: Readonly<Record<string, Reason>> = {
  ENOTDIR: {
    text: 'a part of the path is not a directory',
    hint: (path) => `Look at each part of the path: namei -l '${path}'`,
  },
  EISDIR: { text: 'it is a directory', hint: (path) => `Move it away: '${path}'` },
  ENAMETOOLONG: { text: 'the name is too long for this file system', hint: () => 'Use a shorter name.' },
  ENOENT: { text: 'it does not exist', hint: (path) => `Look at ls -la '${dirname(path)}'` },
}

export type FileAction = 'open' | 'write' | 'read' | 'make' | 'move' | 'remove'

/** A failed operation in words; undefined where the errno says nothing to a user. */
export function explainErrno(
  errno: string | undefined,
  path: string,
): { readonly text: string; readonly hint: string } | undefined {
  const reason = REFUSALS[errno ?? ''] ?? OTHERS[errno ?? '']
  return reason && { text: reason.text, hint: reason.hint(path) }
}

const ACTIONS: Readonly<Record<string, FileAction>> = {
  open: 'open',
  read: 'read',
  scandir: 'read',
  mkdir: 'make',
  mkdtemp: 'make',
  symlink: 'make',
  link: 'make',
  rename: 'move',
  rm: 'remove',
  rmdir: 'remove',
  unlink: 'remove',
}

/** What the computer refused. */
export interface FileRefusal {
  readonly action: FileAction
  readonly path: string
  readonly errno: string
}

/** A refusal by the computer that an error of Node's stands for: nobody's bug. Undefined for any other error. */
export function refusalIn(error: unknown): FileRefusal | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('path' in error)) return undefined
  const { code, path } = error
  if (typeof code !== 'string' || typeof path !== 'string' || !Object.hasOwn(REFUSALS, code)) return undefined
  const syscall = 'syscall' in error ? String(error.syscall) : ''
  return { action: ACTIONS[syscall.split(' ')[0] ?? ''] ?? 'write', path, errno: code }
}
