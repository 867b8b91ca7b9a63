import { join } from 'node:path'
import { MachineError } from '../contracts/errors.js'
import type { PinnedHostKeys } from '../contracts/record.js'
import type { HostKeyPins, JumpHost, RemoteShell, SshEndpoint } from '../contracts/ssh.js'
import { connect } from '../ssh/connect.js'
import { checkedEndpoint } from '../ssh/endpoint.js'
import { isRetryableSsh } from '../ssh/errors.js'
import { parseJump } from '../ssh/jump.js'
import type { LoginOptions } from '../ssh/login.js'
import { homePath } from '../util/paths.js'
import { retry } from '../util/wait.js'
import { withAccessHints } from './access-hints.js'
import type { MachineContext } from './context.js'
import { expectedKey, pinHostKey } from './host-key.js'
import { type OpenMachine } from './open.js'

const READY_TIMEOUT_MS = 30_000
/** One step of an attempt: a guest that boots may accept a connection and never answer on it. */
const ATTEMPT_MS = 15_000

/** Host keys that a machine may show: two while a rotation is under way. */
function pinsOf(pinned: PinnedHostKeys): HostKeyPins {
  return { keys: pinned.next === undefined ? [pinned.current] : [pinned.current, pinned.next] }
}

/**
 * The same for programs that connect by themselves. Where no key is pinned yet (a record that docker-machine made) one
 * connection of ours settles it first.
 * @throws MachineError `host-key` where none is known and none may be trusted at first sight
 */
export async function settledPins(ctx: MachineContext, open: OpenMachine): Promise<HostKeyPins> {
  if (open.ledger.hostKeys) return pinsOf(open.ledger.hostKeys)
  const shell = await openShell(ctx, open)
  shell.close()
  return { keys: [shell.hostKey] }
}

/** Where a machine's sshd is. @throws MachineError `ssh` for machines without one, and for what no host is called */
export function sshEndpoint(ctx: MachineContext, open: OpenMachine): SshEndpoint {
  const { ssh } = open.driver.endpoint(open.machine)
  const endpoint = ssh && checkedEndpoint(ssh)
  const { sshJump } = open.ledger.options
  if (endpoint && sshJump !== undefined) return { ...endpoint, jump: jumpHost(ctx, sshJump) }
  if (endpoint) return endpoint
  throw new MachineError(
    'ssh',
    `"${open.name}" has no SSH: the ${open.factory.name} driver knows only its engine's address`,
    {
      machine: open.name,
    },
  )
}

/** The user's own host that connections go through. */
function jumpHost({ env }: MachineContext, text: string): JumpHost {
  const agent = env['SSH_AUTH_SOCK']
  const sshDir = join(homePath(env), '.ssh')
  return { ...parseJump(text), sshDir, ...(agent ? { agent } : {}) }
}

/**
 * Opens one connection to a machine, trying again while the host does not answer yet. Its host key is pinned, or is
 * pinned by this connection where design 7 allows one.
 */
export async function openShell(
  ctx: MachineContext,
  open: OpenMachine,
  options: { deadlineMs?: number; signal?: AbortSignal } = {},
): Promise<RemoteShell> {
  const endpoint = sshEndpoint(ctx, open)
  const pinned = open.ledger.hostKeys
  const expected = pinned
    ? { pins: pinsOf(pinned), source: undefined }
    : await expectedKey(ctx, open, endpoint)
  const { pins, source } = expected
  const login = loginOptions(ctx, open)
  const signal = options.signal ?? ctx.signal
  const attempts = retry(
    `SSH on ${endpoint.host}:${endpoint.port}`,
    (patience) => connect(endpoint, { ...login, pins, signal, patience, readyTimeoutMs: ATTEMPT_MS }),
    {
      deadlineMs: options.deadlineMs ?? READY_TIMEOUT_MS,
      intervalMs: 50,
      signal,
      clock: ctx.clock,
      isRetryable: isRetryableSsh,
    },
  )
  const shell = await attempts.catch((error: unknown) => {
    throw withAccessHints(open, error)
  })
  if (source === undefined) return shell
  try {
    await pinHostKey(ctx, open, endpoint, shell.hostKey, source)
    return shell
  } catch (error) {
    shell.close()
    throw error
  }
}

/** How we prove who we are: the machine's own key, else the user's agent. */
export function loginOptions(ctx: MachineContext, open: OpenMachine): LoginOptions {
  const keyPath = open.ledger.ssh?.keyPath
  const agent = ctx.env['SSH_AUTH_SOCK']
  return { ...(keyPath ? { privateKeyPath: keyPath } : {}), ...(agent ? { agent } : {}) }
}
