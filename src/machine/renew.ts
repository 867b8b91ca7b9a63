import type { MachineContext } from './context.js'
import { openShell } from './connect.js'
import { syncDockerContext } from './docker-context.js'
import { ensureServerCertificate } from './certificates.js'
import { explained } from './engine-trouble.js'
import { install } from './install.js'
import { type OpenMachine } from './open.js'
import { waitForEngine } from './verify.js'

const CONNECT_MS = 30_000
const ENGINE_MS = 60_000

/** What a renewal may do beyond its usual care. */
export interface RenewOptions {
  /** Make a new certificate although the present one would do. */
  readonly always?: boolean
  /** In a swarm, tasks restart with the engine: only then is it done. */
  readonly force?: boolean
}

/**
 * Gives a machine a new server certificate over SSH. The engine alone is restarted and containers keep running
 * (design 7); nothing is installed.
 */
export async function renewCertificates(
  ctx: MachineContext,
  open: OpenMachine,
  options: RenewOptions = {},
  signal: AbortSignal = ctx.signal,
): Promise<void> {
  if (options.always) await ensureServerCertificate(ctx, open, { force: true })
  const patience = open.driver.patience?.(open.machine) ?? 1
  const shell = await openShell(ctx, open, { deadlineMs: CONNECT_MS * patience, signal })
  try {
    const choice = { certificatesOnly: true, ...(options.force ? { force: true } : {}) }
    await explained(ctx, open, () => install(ctx, open, shell, { choice, signal }), shell)
  } finally {
    shell.close()
  }
  await explained(ctx, open, () => waitForEngine(ctx, open, ENGINE_MS * patience, signal))
  await syncDockerContext(ctx, open)
}
