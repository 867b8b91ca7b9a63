import { MachineError } from '../contracts/errors.js'
import type { JumpHost, SshEndpoint } from '../contracts/ssh.js'
import { jumpWord } from './jump.js'
import { HOST_KEY_ALIAS } from './known-hosts.js'

/** What a host's entry needs to be told of. */
export interface HostFiles {
  /** Absent: the user's agent. */
  readonly keyPath?: string
  /** From `writeKnownHosts`. */
  readonly knownHostsPath: string
}

export interface ProgramArgs extends HostFiles {
  /** What the user typed after the machine's name, verbatim: ssh options, `--`, a command. */
  readonly extra?: readonly string[]
  /** Configuration of further hosts that the words name (jump hosts); none when absent. */
  readonly configPath?: string
}

/**
 * Only the pinned keys are accepted, and nothing is learnt; an entry for plain ssh is read together with the user's own
 * options for all hosts. NoHostAuthenticationForLocalhost does not count for a host with an alias.
 */
const PINNED: readonly string[] = [
  'StrictHostKeyChecking=yes',
  'UpdateHostKeys=no',
  'CheckHostIP=no',
  'VerifyHostKeyDNS=no',
  'GlobalKnownHostsFile=none',
  `HostKeyAlias=${HOST_KEY_ALIAS}`,
]

/**
 * For programs that we start: the user's ways of connecting do not count. Four round trips of a very far host must fit into
 * the time for connecting, and a host that is gone is noticed within some minutes.
 */
export const UNATTENDED: readonly string[] = [
  'ConnectTimeout=20',
  'ControlMaster=no',
  'ControlPath=none',
  'LogLevel=ERROR',
  'PasswordAuthentication=no',
  'KbdInteractiveAuthentication=no',
  'ServerAliveInterval=60',
  'ServerAliveCountMax=3',
]

/** Arguments of the system's `ssh` for one machine (docker-machine's order: host, key, port, the user's words). */
export function sshProgramArgs(endpoint: SshEndpoint, args: ProgramArgs): string[] {
  const { jump } = endpoint
  return [
    ...sshOptions(args),
    ...(jump && args.configPath !== undefined ? ['-o', `ProxyJump=${jumpAlias(jump)}`] : []),
    `${endpoint.user}@${endpoint.host}`,
    '-p',
    String(endpoint.port),
    ...(args.extra ?? []),
  ]
}

/** Name of the entry for a jump host: no machine can be called so. */
export function jumpAlias(jump: JumpHost): string {
  return `tsmachine+${jumpWord(jump).replace(/[^\w.-]/g, '+')}`
}

/** The options alone, which `scp` and `sftp` take as well. */
export function sshOptions(args: Omit<ProgramArgs, 'extra'>): string[] {
  const options = [...UNATTENDED, ...identityOptions(args)]
  return ['-F', args.configPath ?? 'none', ...options.flatMap((option) => ['-o', option])]
}

/** `Key=value` of how a host proves itself and how we do; for the command line and for configuration files. */
export function identityOptions({ keyPath, knownHostsPath }: HostFiles): string[] {
  const identity = keyPath ? ['IdentitiesOnly=yes', `IdentityFile=${quoted(keyPath)}`] : []
  return [...PINNED, `UserKnownHostsFile=${quoted(knownHostsPath)}`, ...identity]
}

/**
 * A path as ssh's configuration takes it: it splits values at blanks and expands `%`; `~` is only expanded at the start
 * of an unquoted word.
 * @throws MachineError `usage` for what it cannot express
 */
export function quoted(path: string): string {
  if (/[\n\r\0]|\$\{/.test(path))
    throw new MachineError('usage', `ssh cannot be told of the path ${JSON.stringify(path)}`, {
      hints: [
        'Keep machines in a folder without line breaks and without "${" in its name: --storage-path DIR',
      ],
    })
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`
}
