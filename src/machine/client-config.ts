import { isMachineError, MachineError, messageOf } from '../contracts/errors.js'
import { EngineProbeError } from '../engine/errors.js'
import { accessHintsFor } from './access-hints.js'
import { addressOf } from './address.js'
import { openShell } from './connect.js'
import { clientFiles } from './certificates.js'
import type { MachineContext } from './context.js'
import { ensureTunnel } from './engine-tunnel.js'
import { openMachine, type OpenMachine, openWithoutSecrets } from './open.js'
import { renewCertificates } from './renew.js'
import { managerUrl } from './swarm.js'
import { askEngine, askPort, isCertificateFault } from './verify.js'

const SSH_MS = 10_000

/** How a docker client reaches a machine's engine, proven by one connection to it. */
export interface ClientConfig {
  readonly name: string
  readonly url: string
  readonly caPath: string
  readonly certPath: string
  readonly keyPath: string
  /** Whether the server certificate had to be renewed for this answer. */
  readonly renewed: boolean
}

export interface ClientConfigOptions {
  /** Of the manager of the classic swarm. */
  readonly swarm?: boolean
  /** How the engine is asked. */
  readonly ask?: (open: OpenMachine, signal: AbortSignal) => Promise<unknown>
}

/**
 * One mutual-TLS probe; only on a certificate that does not fit is it renewed over SSH and asked again.
 * @throws MachineError in docker-machine's words when the engine cannot be used
 */
export async function clientConfig(
  ctx: MachineContext,
  name: string,
  options: ClientConfigOptions = {},
): Promise<ClientConfig> {
  const open = await openWithoutSecrets(ctx, name)
  if (open.tunnel) await ensureTunnel(ctx, open)
  const own = boilerplate(name, () => addressOf(open).url)
  const url = options.swarm ? boilerplate(name, () => managerUrl(open.record, own)) : own
  const renewed = options.swarm
    ? await proveManager(ctx, open, url)
    : await proveEngine(ctx, open, options.ask)
  const paths = clientFiles(open.record.dir)
  return { name, url, caPath: paths.ca, certPath: paths.cert, keyPath: paths.key, renewed }
}

/**
 * The manager of a classic swarm at its own port. Only the handshake counts: what it answers depends on its agents.
 * Where it fails, the engine's own port tells a manager that does not run from certificates that do not fit.
 */
async function proveManager(ctx: MachineContext, open: OpenMachine, url: string): Promise<boolean> {
  const { host } = open.driver.endpoint(open.machine).engine
  const port = Number(/:(\d+)$/.exec(url)?.[1])
  try {
    await askPort(open, { host, port }, ctx.signal)
    return false
  } catch (error) {
    if (error instanceof EngineProbeError && error.layer === 'http') return false
    await proveEngine(ctx, open).catch(() => {
      throw invalid(open, error, port)
    })
    return boilerplate(open.name, () => {
      throw new MachineError('engine', NOT_STARTED, { cause: error })
    })
  }
}

const NOT_STARTED =
  'Connection to Swarm cannot be checked but the certs are valid. Maybe swarm is not started'

async function proveEngine(
  ctx: MachineContext,
  open: OpenMachine,
  ask: NonNullable<ClientConfigOptions['ask']> = askEngine,
): Promise<boolean> {
  try {
    await ask(open, ctx.signal)
    return false
  } catch (error) {
    if (!mayRenew(open, error)) throw invalid(open, await behindTunnel(ctx, open, error))
  }
  await renewLocked(ctx, open.name)
  try {
    await askEngine(await openWithoutSecrets(ctx, open.name), ctx.signal)
    return true
  } catch (error) {
    throw invalid(open, error)
  }
}

/** The port of this computer is only as good as the SSH connection behind it, which says best why there is none. */
async function behindTunnel(ctx: MachineContext, open: OpenMachine, error: unknown): Promise<unknown> {
  if (!open.tunnel || !(error instanceof EngineProbeError) || error.layer !== 'tcp') return error
  try {
    const shell = await openShell(ctx, open, { deadlineMs: SSH_MS })
    shell.close()
    return error
  } catch (reason) {
    ctx.signal.throwIfAborted()
    return reason
  }
}

/** Renewal goes over SSH and its pinned key, so it is safe whatever answered on the engine's port. */
function mayRenew(open: OpenMachine, error: unknown): boolean {
  return open.factory.capabilities.ssh && isCertificateFault(error)
}

async function renewLocked(ctx: MachineContext, name: string): Promise<void> {
  const lock = await ctx.store.lock(name, `config ${name}`, { signal: ctx.signal })
  try {
    ctx.report({ type: 'info', machine: name, text: `Renewing the server certificate of ${name}` })
    await renewCertificates(ctx, await openMachine(ctx, name), {
      force: ctx.profile.program === 'docker-machine',
    })
  } finally {
    await lock.release()
  }
}

function boilerplate<T>(name: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const message = `Error running connection boilerplate: ${messageOf(cause)}`
    const known = isMachineError(cause) ? cause : undefined
    throw new MachineError(known?.code ?? 'engine', message, {
      machine: name,
      hints: known?.hints ?? [],
      cause,
    })
  }
}

function invalid(open: OpenMachine, cause: unknown, other?: number): MachineError {
  const { host, port } = open.driver.endpoint(open.machine).engine
  const known = isMachineError(cause) ? cause : undefined
  return new MachineError(
    known?.code ?? 'engine',
    'Error running connection boilerplate: Error checking and/or regenerating the certs: There was an error ' +
      `validating certificates for host "${host}:${other ?? port}": ${messageOf(cause)}`,
    {
      machine: open.name,
      hints: [
        ...accessHintsFor(open, cause),
        ...(known?.hints ?? []),
        ...(open.factory.capabilities.ssh ? advice(open.name) : []),
      ],
      ...(known?.evidence === undefined ? {} : { evidence: known.evidence }),
      cause,
    },
  )
}

function advice(name: string): readonly string[] {
  return [
    `Ask the engine what it does: tsmachine logs ${name} --engine`,
    `Renew the certificates: tsmachine regenerate-certs ${name}`,
  ]
}
