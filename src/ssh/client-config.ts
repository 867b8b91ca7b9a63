import { MachineError } from '../contracts/errors.js'
import type { JumpHost } from '../contracts/ssh.js'
import { writeFileAtomic } from '../util/atomic-file.js'
import { checkedEndpoint } from './endpoint.js'
import type { SshHost } from './host.js'
import { writeKnownHosts } from './known-hosts.js'
import { jumpWord, knownHostsOf, usualKeys } from './jump.js'
import { identityOptions, jumpAlias, quoted, UNATTENDED } from './program.js'

export interface EntryOptions {
  /** Name of the entry; the machine's when absent. */
  readonly alias?: string
  /** For programs that we start; otherwise the user's own ways of connecting stay in force. */
  readonly unattended: boolean
}

/** One host's entry for ssh_config(5), and the file of host keys that it names. */
export async function hostEntry(host: SshHost, options: EntryOptions): Promise<string> {
  const { keyPath } = host
  const endpoint = checkedEndpoint(host.endpoint)
  const knownHostsPath = await writeKnownHosts(host.dir, endpoint, host.pins)
  const identity = identityOptions({ knownHostsPath, ...(keyPath === undefined ? {} : { keyPath }) })
  const lines = [
    `HostName=${hostName(endpoint.host)}`,
    `Port=${endpoint.port}`,
    `User=${word(endpoint.user)}`,
    ...(options.unattended ? UNATTENDED : []),
    ...identity,
    ...jumpLines(endpoint.jump, options),
  ]
  return [
    `Host ${checkAlias(options.alias ?? host.name)}`,
    ...lines.map((line) => `  ${line.replace('=', ' ')}`),
    '',
  ].join('\n')
}

/** Writes the configuration that ssh, scp, rsync and sshfs are given instead of the user's: these hosts, by name. */
export async function writeProgramConfig(path: string, hosts: readonly SshHost[]): Promise<void> {
  const entries = await Promise.all(hosts.map((host) => hostEntry(host, { unattended: true })))
  const jumps = new Map(
    hosts.flatMap(({ endpoint: { jump } }) => (jump ? [[jumpAlias(jump), jump] as const] : [])),
  )
  await writeFileAtomic(path, [...entries, ...[...jumps.values()].map(jumpEntry)].join('\n'))
}

/** The user's own configuration may say more of its jump host; programs that we start have an entry of ours. */
function jumpLines(jump: JumpHost | undefined, { unattended }: EntryOptions): string[] {
  return jump ? [`ProxyJump=${unattended ? jumpAlias(jump) : jumpWord(jump)}`] : []
}

/** The user's keys and known hosts, and nothing that is not known. */
function jumpEntry(jump: JumpHost): string {
  const lines = [
    `HostName=${hostName(jump.host)}`,
    `Port=${jump.port}`,
    `User=${word(jump.user)}`,
    ...UNATTENDED,
    'StrictHostKeyChecking=yes',
    'UpdateHostKeys=no',
    'VerifyHostKeyDNS=no',
    `UserKnownHostsFile=${quoted(knownHostsOf(jump.sshDir))}`,
    ...usualKeys(jump.sshDir).map((path) => `IdentityFile=${quoted(path)}`),
  ]
  return [`Host ${jumpAlias(jump)}`, ...lines.map((line) => `  ${line.replace('=', ' ')}`), ''].join('\n')
}

/** @throws MachineError `usage` for what would be read as a pattern or as several names */
function checkAlias(alias: string): string {
  if (/^[A-Za-z0-9][\w.-]*$/.test(alias)) return alias
  throw new MachineError('usage', `"${alias}" cannot be the name of a host in ssh's configuration`, {
    hints: ['Allowed are letters, digits, ".", "_" and "-"'],
  })
}

/** `%` begins what ssh expands; it is in the zone of an IPv6 address. */
function hostName(host: string): string {
  return host.replaceAll('%', '%%')
}

function word(text: string): string {
  return /^[\w.@-]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, '\\$&')}"`
}
