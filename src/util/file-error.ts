import { MachineError, messageOf } from '../contracts/errors.js'
import { explainErrno, type FileAction } from '../contracts/file-fault.js'

/** The errno name of a thrown value (`ENOENT`), if it has one. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** A failed file operation as a `store` error: what was tried, why it failed, what helps. */
export function fileError(action: FileAction, path: string, error: unknown): MachineError {
  const reason = explainErrno(errnoOf(error), path)
  return new MachineError('store', `Cannot ${action} ${path}: ${reason?.text ?? messageOf(error)}`, {
    hints: reason ? [reason.hint] : [],
    cause: error,
  })
}

/** Whether link(2) failed because the file system has no hard links (FAT, some network ones). */
export function hasNoLinks(error: unknown): boolean {
  return ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errnoOf(error) ?? '')
}
