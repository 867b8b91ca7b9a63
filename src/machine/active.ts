import { isMachineError, MachineError } from '../contracts/errors.js'
import type { MachineRecord } from '../contracts/record.js'
import { withDeadline } from '../util/wait.js'
import { addressOf } from './address.js'
import type { MachineContext } from './context.js'
import { isWhole } from './list-filter.js'
import { openRecord } from './open.js'
import { swarmRole, swarmUrl } from './swarm.js'

/**
 * The machine that DOCKER_HOST points to, or whose swarm: from records alone, side by side, and the first that matches
 * counts. @throws MachineError when there is none, `timeout` when one that did not tell in time may be it
 */
export async function activeMachine(ctx: MachineContext, timeoutMs: number): Promise<string> {
  const host = ctx.env['DOCKER_HOST']
  const records = host ? ctx.store.readAll().filter(isWhole) : []
  const tries = records.map(async (record) => {
    if (await isActive(ctx, record, host)) return record.name
    throw new Error('not this one')
  })
  const found = Promise.any(tries)
  // Most records tell by themselves, and a deadline takes as long to set up as they to be read.
  const early = await Promise.race([
    found.catch(() => undefined),
    new Promise<undefined>((on) => setImmediate(() => on(undefined))),
  ])
  if (early !== undefined) return early
  try {
    return await withDeadline('the machines', timeoutMs, () => found, { signal: ctx.signal })
  } catch (error) {
    ctx.signal.throwIfAborted()
    const causes: unknown[] = error instanceof AggregateError ? error.errors : [error]
    throw noneActive(
      ctx,
      causes.some((cause) => isMachineError(cause) && cause.code === 'timeout'),
    )
  }
}

async function isActive(
  ctx: MachineContext,
  record: MachineRecord,
  host: string | undefined,
): Promise<boolean> {
  const { url } = addressOf(await openRecord(ctx, record, { secrets: false }))
  return sameUrl(url, host) || sameUrl(swarmUrl(url, swarmRole(record)), host)
}

function noneActive(ctx: MachineContext, timedOut: boolean): MachineError {
  if (timedOut) return new MachineError('timeout', 'Error getting active host: timeout')
  return new MachineError('not-running', 'No active host found', {
    hints: [`Point your shell at a machine: eval "$(${ctx.profile.program} env NAME)"`],
  })
}

/** Whether a machine's URL is what DOCKER_HOST says. */
export function sameUrl(url: string | undefined, host: string | undefined): boolean {
  return host !== undefined && host !== '' && host.replace(/\/+$/, '') === url
}
