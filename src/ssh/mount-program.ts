import { MachineError } from '../contracts/errors.js'
import type { CopySide } from './copy-program.js'

/** Options by which the host key would no longer be checked, or by another program than ours. */
const UNPINNING =
  /^\s*(StrictHostKeyChecking|(User|Global)KnownHostsFile|KnownHostsCommand|HostKeyAlias|NoHostAuthenticationForLocalhost|VerifyHostKeyDNS|ssh_command|directport|vsock|passive|slave)\b/i

/**
 * Arguments of `sshfs`.
 * @param options what the user gave with `-o`
 * @throws MachineError `usage` for options that would unpin the host key
 */
export function sshfsArgs(
  from: CopySide & { host: string },
  mountPoint: string,
  args: { configPath: string; options: readonly string[] },
): string[] {
  const unpinning = args.options
    .flatMap((option) => unescaped(option).split(','))
    .find((option) => UNPINNING.test(option))
  if (unpinning !== undefined)
    throw new MachineError(
      'usage',
      `The mount option "${unpinning}" is not taken: the host key of a machine stays pinned`,
    )
  return [
    ...['-F', args.configPath],
    ...args.options.flatMap((option) => ['-o', option]),
    `${from.user === undefined ? '' : `${from.user}@`}${from.host}:${from.path}`,
    asPath(mountPoint),
  ]
}

/** FUSE reads `\\x` as `x`, and three octal digits as a character. */
function unescaped(option: string): string {
  return option.replace(/\\(?:([0-3][0-7]{2})|(.))/g, (_all, octal?: string, plain?: string) =>
    octal === undefined ? (plain ?? '') : String.fromCharCode(parseInt(octal, 8)),
  )
}

/** A program that unmounts for the user who mounted, and its arguments. */
export interface Unmount {
  readonly program: string
  readonly args: readonly string[]
}

/** Ways to unmount, best first: FUSE's own programs on Linux need no root. */
export function unmountWays(platform: NodeJS.Platform, mountPoint: string): readonly [Unmount, ...Unmount[]] {
  const path = asPath(mountPoint)
  const umount = { program: 'umount', args: [path] }
  if (platform !== 'linux') return [umount]
  return [
    { program: 'fusermount3', args: ['-u', path] },
    { program: 'fusermount', args: ['-u', path] },
    umount,
  ]
}

function asPath(path: string): string {
  return path.startsWith('-') ? `./${path}` : path
}
