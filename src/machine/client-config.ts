import { isMachineError, MachineError, messageOf } from '../contracts/errors.js'
import { addressOf } from './address.js'
import { clientFiles } from './certificates.js'
import type { MachineContext } from './context.js'
import { openMachine, type OpenMachine, openWithoutSecrets } from './open.js'
import { renewCertificates } from './renew.js'
import { askEngine, isCertificateFault } from './verify.js'

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

/**
 * One mutual-TLS probe; only on a certificate that does not fit is it renewed over SSH and asked again.
 * @throws MachineError in docker-machine's words when the engine cannot be used
 */
export async function clientConfig(ctx: MachineContext, name: string): Promise<ClientConfig> {
  const open = await openWithoutSecrets(ctx, name)
  const url = boilerplate(name, () => addressOf(open).url)
  const renewed = await proveEngine(ctx, open)
  const paths = clientFiles(open.record.dir)
  return { name, url, caPath: paths.ca, certPath: paths.cert, keyPath: paths.key, renewed }
}

async function proveEngine(ctx: MachineContext, open: OpenMachine): Promise<boolean> {
  try {
    await askEngine(open, ctx.signal)
    return false
  } catch (error) {
    if (!mayRenew(open, error)) throw invalid(open, error)
  }
  await renewLocked(ctx, open.name)
  try {
    await askEngine(await openWithoutSecrets(ctx, open.name), ctx.signal)
    return true
  } catch (error) {
    throw invalid(open, error)
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

function invalid(open: OpenMachine, cause: unknown): MachineError {
  const { host, port } = open.driver.endpoint(open.machine).engine
  const known = isMachineError(cause) ? cause : undefined
  return new MachineError(
    known?.code ?? 'engine',
    'Error running connection boilerplate: Error checking and/or regenerating the certs: There was an error ' +
      `validating certificates for host "${host}:${port}": ${messageOf(cause)}`,
    {
      machine: open.name,
      hints: [...(known?.hints ?? []), ...(open.factory.capabilities.ssh ? advice(open.name) : [])],
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
