import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostLogin } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import type { HostKeySource, PinnedHostKeys } from '../contracts/record.js'
import type { HostKeyPins, SshEndpoint } from '../contracts/ssh.js'
import { hostKeyError } from '../ssh/errors.js'
import { fingerprint, isFingerprint, parseHostKey, sameKey } from '../ssh/host-key.js'
import { keysFromKnownHosts } from '../ssh/known-hosts.js'
import { isOfDockerMachine } from '../store/records.js'
import { homePath } from '../util/paths.js'
import type { MachineContext } from './context.js'
import { updateLedger } from './driver-events.js'
import type { OpenMachine } from './open.js'

/** What a host may show at the first connection, and where a key that it showed came from. */
export interface Expectation {
  readonly pins: HostKeyPins
  readonly source: HostKeySource
}

/**
 * Where a key that is not pinned yet may come from, best first (design 7).
 * @throws MachineError `host-key` saying how to tell us, where it may not be trusted at first sight
 */
export async function expectedKey(
  ctx: MachineContext,
  open: OpenMachine,
  { host, port }: SshEndpoint,
): Promise<Expectation> {
  const login = open.factory.login?.(open.ledger.driver.config)
  if (login?.hostKey) return { pins: pinsFromUser(login.hostKey), source: 'user' }
  const known = await knownKeys(ctx.env, host, port)
  if (known.length > 0) return { pins: { keys: known }, source: 'known-hosts' }
  if (mayTrust(ctx, open, login)) return { pins: { keys: [], firstUse: () => true }, source: 'first-use' }
  throw unknownKey(open, host)
}

function unknownKey({ name, factory }: OpenMachine, host: string): MachineError {
  const flag = (key: string): string | undefined => factory.flags.find((each) => each.key === key)?.name
  const [given, trust] = [flag('hostKey'), flag('trustFirstUse')]
  return new MachineError(
    'host-key',
    `Nobody told us the host key of ${host}, so we cannot know who answers there`,
    {
      machine: name,
      hints: [
        ...(given === undefined
          ? []
          : [
              `Give the key or its fingerprint: --${given} 'SHA256:...' (on the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)`,
            ]),
        `Connect once with your own ssh so that ~/.ssh/known_hosts has it: ssh ${host}`,
        ...(trust === undefined ? [] : [`Or trust the first key seen: --${trust}`]),
      ],
    },
  )
}

/** What the user's own ssh knows of this address. */
async function knownKeys(env: MachineContext['env'], host: string, port: number): Promise<readonly string[]> {
  const path = join(homePath(env), '.ssh', 'known_hosts')
  const text = await readFile(path, 'utf8').catch(() => '')
  return keysFromKnownHosts(text, host, port)
}

/** Said aloud, called as docker-machine, or a record of docker-machine's, which knows of no host keys (design 1). */
function mayTrust(ctx: MachineContext, open: OpenMachine, login: HostLogin | undefined): boolean {
  if (isStrict(ctx.env['TSMACHINE_HOST_KEYS'])) return false
  const isOld = open.record.ledger === undefined || isOfDockerMachine(open.ledger)
  return login?.trustFirstUse === true || ctx.profile.trustFirstUse || isOld
}

/** A word that we do not know may be a misspelt "strict": nothing is trusted then. */
function isStrict(word = ''): boolean {
  if (word === '') return false
  if (word.toLowerCase() === 'strict') return true
  throw new MachineError('usage', `TSMACHINE_HOST_KEYS is "${word}", and only "strict" means something`, {
    hints: ['Set it to strict, or not at all'],
  })
}

/** Keys and fingerprints, one a line; a key is pinned as it is, a fingerprint is compared with the key shown. */
function pinsFromUser(given: string): HostKeyPins {
  const lines = given.split('\n').filter((line) => line !== '')
  const keys = lines.filter((line) => !isFingerprint(line)).map(parseHostKey)
  return { keys, fingerprints: lines.filter(isFingerprint) }
}

/**
 * Records the key that a host has shown as the only one that it may show from now on.
 * @throws SshError `host-key` where another process has pinned another one since
 */
export async function pinHostKey(
  ctx: MachineContext,
  open: OpenMachine,
  endpoint: SshEndpoint,
  seen: string,
  source: HostKeySource,
): Promise<void> {
  const hostKeys: PinnedHostKeys = { source, current: seen, rotated: true }
  await updateLedger(ctx, open.name, open.factory, (ledger) => {
    const pinned = ledger.hostKeys?.current
    if (pinned !== undefined && !sameKey(pinned, seen)) throw hostKeyError(endpoint, seen, { keys: [pinned] })
    return { ...ledger, hostKeys: ledger.hostKeys ?? hostKeys }
  })
  if (source === 'first-use') {
    const text = `Host key of ${open.name} accepted at first sight: ${fingerprint(seen)}. Compare it with the host's own.`
    ctx.report({ type: 'warn', machine: open.name, text })
  }
}
