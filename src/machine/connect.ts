import { MachineError } from '../contracts/errors.js'
import type { LedgerRecord } from '../contracts/record.js'
import type { HostKeyPins, RemoteShell, SshEndpoint } from '../contracts/ssh.js'
import { connect } from '../ssh/connect.js'
import { isRetryableSsh } from '../ssh/errors.js'
import type { LoginOptions } from '../ssh/login.js'
import { retry } from '../util/wait.js'
import type { MachineContext } from './context.js'
import { type OpenMachine } from './open.js'

const READY_TIMEOUT_MS = 30_000
/** One attempt: a guest that boots may accept a connection and never answer on it. */
const ATTEMPT_MS = 15_000

/** Host keys that a recorded machine may show. @throws MachineError `host-key` where none is known */
export function pinsOf(name: string, ledger: LedgerRecord): HostKeyPins {
  const pinned = ledger.hostKeys
  if (!pinned) {
    throw new MachineError('host-key', `No host key of "${name}" is known`, {
      machine: name,
      hints: ['Run the create again with --resume and say which host key to expect.'],
    })
  }
  return { keys: pinned.next === undefined ? [pinned.current] : [pinned.current, pinned.next] }
}

/** Where a machine's sshd is. @throws MachineError `ssh` for machines without one */
export function sshEndpoint(open: OpenMachine): SshEndpoint {
  const endpoint = open.driver.endpoint(open.machine).ssh
  if (endpoint) return endpoint
  throw new MachineError(
    'ssh',
    `"${open.name}" has no SSH: the ${open.factory.name} driver knows only its engine's address`,
    {
      machine: open.name,
    },
  )
}

/** Opens one connection to a machine with its pinned keys, trying again while the host does not answer yet. */
export async function openShell(
  ctx: MachineContext,
  open: OpenMachine,
  options: { deadlineMs: number; pins?: HostKeyPins; signal?: AbortSignal } = {
    deadlineMs: READY_TIMEOUT_MS,
  },
): Promise<RemoteShell> {
  const endpoint = sshEndpoint(open)
  const pins = options.pins ?? pinsOf(open.name, open.ledger)
  const login = loginOptions(ctx, open)
  return await retry(
    `SSH on ${endpoint.host}:${endpoint.port}`,
    (signal) => connect(endpoint, { ...login, pins, signal, readyTimeoutMs: ATTEMPT_MS }),
    {
      deadlineMs: options.deadlineMs,
      intervalMs: 50,
      signal: options.signal ?? ctx.signal,
      clock: ctx.clock,
      isRetryable: isRetryableSsh,
    },
  )
}

/** How we prove who we are: the machine's own key, else the user's agent. */
export function loginOptions(ctx: MachineContext, open: OpenMachine): LoginOptions {
  const keyPath = open.ledger.ssh?.keyPath
  const agent = ctx.env['SSH_AUTH_SOCK']
  return { ...(keyPath ? { privateKeyPath: keyPath } : {}), ...(agent ? { agent } : {}) }
}
