import type { SshEndpoint } from '../contracts/ssh.js'
import { HOST_KEY_ALIAS } from './known-hosts.js'

export interface ProgramArgs {
  /** Absent: the user's agent. */
  readonly keyPath?: string
  /** From `writeKnownHosts`. */
  readonly knownHostsPath: string
  /** What the user typed after the machine's name, verbatim: ssh options, `--`, a command. */
  readonly extra?: readonly string[]
}

/** Nothing of the user's or the system's configuration counts, and only the pinned keys are accepted. */
const OPTIONS: readonly string[] = [
  'ConnectTimeout=10',
  'ControlMaster=no',
  'ControlPath=none',
  'LogLevel=ERROR',
  'PasswordAuthentication=no',
  'KbdInteractiveAuthentication=no',
  'ServerAliveInterval=60',
  'StrictHostKeyChecking=yes',
  'UpdateHostKeys=no',
  'CheckHostIP=no',
  'GlobalKnownHostsFile=none',
  `HostKeyAlias=${HOST_KEY_ALIAS}`,
]

/** Arguments of the system's `ssh` for one machine (docker-machine's order: host, key, port, the user's words). */
export function sshProgramArgs(endpoint: SshEndpoint, args: ProgramArgs): string[] {
  return [
    ...sshOptions(args),
    `${endpoint.user}@${endpoint.host}`,
    '-p',
    String(endpoint.port),
    ...(args.extra ?? []),
  ]
}

/** The options alone, which `scp`, `sftp` and `rsync -e` take as well. */
export function sshOptions(args: Pick<ProgramArgs, 'keyPath' | 'knownHostsPath'>): string[] {
  const identity = args.keyPath ? ['IdentitiesOnly=yes', `IdentityFile=${quoted(args.keyPath)}`] : []
  const options = [...OPTIONS, `UserKnownHostsFile=${quoted(args.knownHostsPath)}`, ...identity]
  return ['-F', 'none', ...options.flatMap((option) => ['-o', option])]
}

/** ssh splits these values at blanks and expands `%`; `~` is only expanded at the start of an unquoted word. */
function quoted(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`
}
