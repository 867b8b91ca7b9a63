import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { needsRenewal } from '../tls/inspect.js'
import type { MachineContext } from './context.js'
import type { OpenMachine } from './open.js'

/** Whether a machine's server certificate is missing, near its end, of another CA, or lacks one of these names. */
export async function certificateIsDue(
  ctx: MachineContext,
  open: OpenMachine,
  sans: readonly string[],
): Promise<boolean> {
  const [cert, caPem] = await Promise.all([
    readFile(join(open.record.dir, 'server.pem'), 'utf8').catch(() => undefined),
    readFile(join(ctx.store.certsDir, 'ca.pem'), 'utf8').catch(() => undefined),
  ])
  if (cert === undefined || caPem === undefined) return true
  return needsRenewal(cert, { sans, caPem, now: ctx.clock.now() }) !== undefined
}
