import { win32 } from 'node:path'

/** One side of a copy as programs are told it. */
export interface CopySide {
  /** Name of the host's entry in the configuration; this computer when absent. */
  readonly host?: string
  /** Another user than the entry's. */
  readonly user?: string
  readonly path: string
}

export interface CopyArgs {
  /** From `writeProgramConfig`. */
  readonly configPath: string
  readonly recursive: boolean
  readonly quiet: boolean
}

/**
 * The flag that makes an scp speak SFTP, which knows paths and not shell words: none since OpenSSH 9.0. Undefined where
 * it cannot (before 8.7) or where we cannot tell.
 * @param version what `ssh -V` says
 */
export function sftpFlags(version: string): readonly string[] | undefined {
  const found = /^OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)/.exec(version.trim())
  if (!found) return undefined
  const number = Number(found[1]) * 100 + Number(found[2])
  if (number >= 900) return []
  return number >= 807 ? ['-s'] : undefined
}

/** Arguments of the system's `scp`. `-3`: what goes from host to host goes through here, with the keys that are here. */
export function scpProgramArgs(
  from: CopySide,
  to: CopySide,
  args: CopyArgs & { sftp: readonly string[] },
): string[] {
  return [
    ...['-F', args.configPath],
    ...args.sftp,
    '-3',
    ...(args.recursive ? ['-r'] : []),
    ...(args.quiet ? ['-q'] : []),
    '--',
    sideWord(from),
    sideWord(to),
  ]
}

/** Arguments of `rsync`: `-s` keeps blanks and quotes in remote paths from the remote shell. */
export function rsyncProgramArgs(from: CopySide, to: CopySide, args: CopyArgs & { ssh: string }): string[] {
  return [
    ...(args.quiet ? ['-q'] : ['--progress']),
    ...(args.recursive ? ['-r'] : []),
    '-s',
    '-e',
    [args.ssh, '-F', args.configPath].map(rsyncWord).join(' '),
    '--',
    sideWord(from),
    sideWord(to),
  ]
}

/** rsync splits `-e` at blanks; inside quotes a doubled quote is one. */
function rsyncWord(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "''")}'`
}

/** A local path with a colon would be taken for a host. */
function sideWord({ host, user, path }: CopySide): string {
  if (host === undefined) return path.includes(':') && isRelative(path) ? `./${path}` : path
  return `${user === undefined ? '' : `${user}@`}${host}:${path}`
}

function isRelative(path: string): boolean {
  return process.platform === 'win32' ? !win32.isAbsolute(path) : !path.startsWith('/')
}
