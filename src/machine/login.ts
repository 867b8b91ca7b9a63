import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { MachineError } from '../contracts/errors.js'
import type { HostKeySource, PinnedHostKeys } from '../contracts/record.js'
import type { HostKeyPins, RemoteShell } from '../contracts/ssh.js'
import type { HostLogin } from '../contracts/driver.js'
import { fingerprint, hasFingerprint, isFingerprint, parseHostKey } from '../ssh/host-key.js'
import { keysFromKnownHosts } from '../ssh/known-hosts.js'
import { openShell, pinsOf, sshEndpoint } from './connect.js'
import type { MachineContext } from './context.js'
import type { CreateState } from './create-state.js'

const LOGIN_MS = 60_000

/** Stage `ssh`: the first authenticated connection, with a host key that is known before it. */
export async function logIn(state: CreateState, signal: AbortSignal): Promise<void> {
  if (state.shell) return
  const expectation = state.open.ledger.hostKeys ? undefined : await expectedKey(state)
  state.shell = await openShell(state.ctx, state.open, {
    deadlineMs: LOGIN_MS * state.patience,
    signal,
    ...(expectation ? { pins: expectation.pins } : {}),
  })
  if (expectation) await pin(state, state.shell, expectation.source(state.shell.hostKey))
}

interface Expectation {
  readonly pins: HostKeyPins
  readonly source: (seen: string) => HostKeySource
}

/** Where a key nobody gave us may come from, best first (design 7). */
async function expectedKey(state: CreateState): Promise<Expectation> {
  const { factory, ledger } = state.open
  const login = factory.login?.(ledger.driver.config)
  const { host, port } = sshEndpoint(state.open)
  if (login?.hostKey) return fromUser(login.hostKey)
  const known = await knownKeys(state.ctx.env, host, port)
  if (known.length > 0) return { pins: { keys: known }, source: () => 'known-hosts' }
  if (mayTrust(state, login)) return { pins: { keys: [], firstUse: () => true }, source: () => 'first-use' }
  throw new MachineError(
    'host-key',
    `Nobody told us the host key of ${host}, so we cannot know who answers there`,
    {
      hints: [
        `Give the key or its fingerprint: --${factory.name}-host-key 'SHA256:...' (on the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)`,
        `Connect once with your own ssh so that ~/.ssh/known_hosts has it: ssh ${host}`,
        `Or trust the first key seen: --${factory.name}-trust-first-use`,
      ],
    },
  )
}

/** What the user's own ssh knows of this address. */
async function knownKeys(env: MachineContext['env'], host: string, port: number): Promise<readonly string[]> {
  const path = join(env['HOME'] ?? homedir(), '.ssh', 'known_hosts')
  const text = await readFile(path, 'utf8').catch(() => '')
  return keysFromKnownHosts(text, host, port)
}

function mayTrust(state: CreateState, login: HostLogin | undefined): boolean {
  if (state.ctx.env['TSMACHINE_HOST_KEYS'] === 'strict') return false
  return login?.trustFirstUse === true || state.ctx.profile.trustFirstUse
}

/** Keys and fingerprints, one a line; a key is pinned as it is, a fingerprint is compared with the key shown. */
function fromUser(given: string): Expectation {
  const lines = given.split('\n').filter((line) => line !== '')
  const keys = lines.filter((line) => !isFingerprint(line)).map(parseHostKey)
  const prints = lines.filter(isFingerprint)
  const firstUse = (seen: string): boolean => prints.some((print) => hasFingerprint(seen, print))
  return { pins: prints.length > 0 ? { keys, firstUse } : { keys }, source: () => 'user' }
}

async function pin(state: CreateState, shell: RemoteShell, source: HostKeySource): Promise<void> {
  if (source === 'first-use') {
    const text = `Host key of ${state.name} accepted at first sight: ${fingerprint(shell.hostKey)}. Compare it with the host's own.`
    state.ctx.report({ type: 'warn', machine: state.name, text })
  }
  const hostKeys: PinnedHostKeys = { source, current: shell.hostKey, rotated: true }
  await state.update((ledger) => ({ ...ledger, hostKeys }))
}

/** Stage `ssh` again after the host has taken another key. */
export async function reconnect(state: CreateState, signal: AbortSignal): Promise<RemoteShell> {
  state.shell?.close()
  state.shell = undefined
  state.shell = await openShell(state.ctx, state.open, {
    deadlineMs: LOGIN_MS * state.patience,
    pins: pinsOf(state.name, state.open.ledger),
    signal,
  })
  return state.shell
}
