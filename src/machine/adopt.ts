import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { MachineError } from '../contracts/errors.js'
import type { LedgerRecord } from '../contracts/record.js'
import type { RemoteShell } from '../contracts/ssh.js'
import { connect } from '../ssh/connect.js'
import { isRetryableSsh } from '../ssh/errors.js'
import { projectConfig } from '../store/records.js'
import { retry, withDeadline } from '../util/wait.js'
import { applyRules } from './access.js'
import { OPEN_AT_CREATION } from './access-rules.js'
import { type AdoptableServer, adoptableServer } from './adopt-server.js'
import { authorizeKey, dropOtherKeys } from './authorized-keys.js'
import { ensureAuthority, storeCertificates } from './certificates.js'
import { openShell, sshEndpoint } from './connect.js'
import type { MachineContext } from './context.js'
import { refuseTaken } from './create-names.js'
import { CreateState } from './create-state.js'
import { firstRecord } from './first-record.js'
import { asFingerprint, HOST_KEY_TAG } from './host-key-label.js'
import { ensureClientKey, readPublicLine } from './identity-files.js'
import { checkMachineName } from './machine-name.js'
import { openMachine } from './open.js'
import { provisionMachine } from './provision.js'
import { keepSecrets, splitSecrets } from './secrets.js'

export interface AdoptRequest {
  readonly driver: string
  /** The server's id or name, or what its machine was called. */
  readonly target: string
  /** A private key that the server knows. */
  readonly keyPath?: string
  /** What it is called here; as before when absent. */
  readonly name?: string
}

interface WayIn {
  /** Fingerprint that the host's key must have. */
  readonly print: string
  readonly keyPath: string
  /** The command that tries it again. */
  readonly again: string
}

const CLOSED = { ssh: [], engine: [] }
const DIRECT_MS = 5_000
const OPENED_MS = 90_000
const CLOSE_MS = 30_000
const NO_PLAN = {
  engine: { opts: [], labels: [], insecureRegistries: [], registryMirrors: [], env: [], registryCas: {} },
  tlsSans: [],
}

/**
 * Makes a machine of a server that a lost store has left: its host key is known from the server's tags, then it gets keys
 * and certificates of this store. Returns its name.
 * @throws MachineError `ssh` without a way in, `host-key` for a server whose key nobody has kept
 */
export async function adoptMachine(ctx: MachineContext, request: AdoptRequest): Promise<string> {
  const found = await adoptableServer(ctx, request.driver, request.target)
  const name = request.name ?? found.machine ?? found.server.name
  checkMachineName(name)
  const keyPath = wayIn(found, request.keyPath)
  const print = keptPrint(found)
  const lock = await ctx.store.lock(name, `adopt ${name}`, { waitMs: 0, signal: ctx.signal })
  try {
    const state = await recordedState(ctx, name, found)
    try {
      const again = `tsmachine adopt --driver ${request.driver} ${found.server.resource.id} --ssh-key FILE`
      const way = { print, keyPath, again }
      const shell = await reachServer(state, way)
      await takeOver(state, shell, print, found).catch(async (error: unknown) => {
        if (state.open.ledger.access?.next) await closeAgain(state, way)
        throw error
      })
    } finally {
      state.close()
    }
  } finally {
    await lock.release()
  }
  await provisionMachine(ctx, name)
  return name
}

function wayIn({ server }: AdoptableServer, keyPath: string | undefined): string {
  if (keyPath !== undefined) return resolve(keyPath)
  throw new MachineError(
    'ssh',
    `There is no way in to ${server.name}: it knows only keys of the store that made it`,
    {
      hints: [
        'With a key that create --authorized-key installed: --ssh-key FILE',
        'With an export of the other store: tsmachine import FILE',
        `Or remove it: tsmachine gc ${server.resource.id}`,
      ],
    },
  )
}

function keptPrint({ server }: AdoptableServer): string {
  const print = server.resource.tags?.[HOST_KEY_TAG]
  if (print !== undefined) return print
  throw new MachineError(
    'host-key',
    `Nobody has kept the host key of ${server.name}, so we cannot know who answers there`,
    {
      hints: [
        'If you know the key: create --driver generic with --generic-host-key',
        `Or remove it: tsmachine gc ${server.resource.id}`,
      ],
    },
  )
}

/** Recorded before anything is done to the server: what an adoption has begun, another one goes on with. */
async function recordedState(
  ctx: MachineContext,
  name: string,
  found: AdoptableServer,
): Promise<CreateState> {
  const { factory, account, server, others, id, store } = found
  const known = ctx.store.exists(name) ? ctx.store.read(name).ledger : undefined
  if (!known?.adopted || known.machineId !== id) {
    refuseTaken(ctx, name)
    const adopted = factory.adopt?.(account, server)
    if (!adopted) throw new MachineError('usage', `The ${factory.name} driver cannot adopt servers`)
    await ensureAuthority(ctx, storeCertificates(ctx), { next: [name] })
    const { config, values } = splitSecrets(factory, { ...account.config, ...adopted.config })
    const { references } = await keepSecrets(ctx, factory, { values, references: {} })
    const machineId = id ?? randomBytes(16).toString('hex')
    const first = firstRecord(ctx, factory, config, { name, machineId, options: NO_PLAN })
    const ledger: LedgerRecord = {
      ...first.ledger,
      stepsDone: ['make'],
      resources: [...adopted.resources, ...others.map(({ resource }) => resource)],
      secrets: references,
      storeId: store,
      adopted: true,
    }
    await ctx.store.create(name, { ledger, config: projectConfig(ledger, first.config, factory.record) })
  }
  return new CreateState(ctx, await openMachine(ctx, name), undefined)
}

/**
 * The firewall may know the lost computer only: SSH is opened to everybody until we have failed to get in, or to take over,
 * or are provisioning.
 */
async function reachServer(state: CreateState, way: WayIn): Promise<RemoteShell> {
  const { ctx } = state
  try {
    return await firstContact(state, way, DIRECT_MS)
  } catch (error) {
    const isClosed = isRetryableSsh(error) || (error as { code?: unknown }).code === 'timeout'
    if (ctx.signal.aborted || !isClosed || !state.open.driver.setAccess) {
      // An earlier try may have left it open.
      if (state.open.ledger.access?.next) await closeAgain(state, way)
      throw error
    }
  }
  try {
    await applyRules(state, { sources: [] }, OPEN_AT_CREATION, ctx.signal, CLOSED)
    return await firstContact(state, way, OPENED_MS)
  } catch (error) {
    await closeAgain(state, way)
    throw error
  }
}

/** Also when the user has stopped us: what was opened for a try must not stay open. */
async function closeAgain(state: CreateState, { again }: WayIn): Promise<void> {
  const close = (signal: AbortSignal): Promise<void> => applyRules(state, { sources: [] }, CLOSED, signal)
  try {
    await withDeadline(`the firewall of ${state.name}`, CLOSE_MS, close)
  } catch {
    const text = `SSH of ${state.name} may still be open to any address (keys only). The next try closes it: ${again}; or remove it: tsmachine rm ${state.name}`
    state.ctx.report({ type: 'warn', machine: state.name, text })
  }
}

/** The key that is shown must have the fingerprint that the server's tags hold. */
async function firstContact(
  { ctx, open }: CreateState,
  { print, keyPath }: WayIn,
  deadlineMs: number,
): Promise<RemoteShell> {
  const endpoint = sshEndpoint(ctx, open)
  const pins = { keys: [], fingerprints: [asFingerprint(print)] }
  return await retry(
    `SSH on ${endpoint.host}:${endpoint.port}`,
    (signal) => connect(endpoint, { privateKeyPath: keyPath, pins, signal, readyTimeoutMs: 15_000 }),
    { deadlineMs, intervalMs: 100, isRetryable: isRetryableSsh, signal: ctx.signal, clock: ctx.clock },
  )
}

/** Our own key first, proven by a connection; then the keys of the lost store go, and the tags say whose it is now. */
async function takeOver(
  state: CreateState,
  shell: RemoteShell,
  print: string,
  { machine, server }: AdoptableServer,
): Promise<void> {
  const { ctx, name, open } = state
  const client = await ensureClientKey(open.record.dir, name)
  const line = await readPublicLine(client.path)
  const hostKeys = { source: 'given', current: shell.hostKey, rotated: true } as const
  const ssh = { user: sshEndpoint(ctx, open).user, keyPath: client.path }
  try {
    await authorizeKey(shell, line, ctx.signal)
  } finally {
    shell.close()
  }
  await state.update((ledger) => ({ ...ledger, hostKeys, hostKeyLabel: print, ssh }))
  const own = await openShell(ctx, state.open)
  try {
    await dropOtherKeys(own, line, machine ?? server.name, ctx.signal)
  } finally {
    own.close()
  }
  const storeId = await ctx.store.id()
  const renamed: Record<string, string> = name === machine ? {} : { 'tsmachine-name': name }
  const tags = { 'tsmachine-store': storeId, 'tsmachine-id': open.machine.id, ...renamed }
  await open.driver.label?.(state.open.machine, tags, ctx.signal)
  await state.update(({ storeId: _old, ...ledger }) => ({
    ...ledger,
    resources: ledger.resources.map((each) =>
      each.tags ? { ...each, tags: { ...each.tags, ...tags } } : each,
    ),
  }))
}
