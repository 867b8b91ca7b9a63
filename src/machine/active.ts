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
  let timedOut = false
  const found = new AbortController()
  const signal = AbortSignal.any([ctx.signal, found.signal])
  const tries = records.map(async (record) => {
    try {
      const open = async (): Promise<boolean> => await isActive(ctx, record, host)
      if (await withDeadline(record.name, timeoutMs, open, { signal })) return record.name
    } catch (error) {
      timedOut ||= isMachineError(error) && error.code === 'timeout'
    }
    throw new Error('not this one')
  })
  try {
    return await Promise.any(tries)
  } catch {
    ctx.signal.throwIfAborted()
    throw noneActive(ctx, timedOut)
  } finally {
    found.abort()
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
