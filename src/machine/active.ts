import { MachineError } from '../contracts/errors.js'
import { addressOf } from './address.js'
import type { MachineContext } from './context.js'
import { openRecord } from './open.js'

/** The machine that DOCKER_HOST points to, from records alone. @throws MachineError when there is none */
export async function activeMachine(ctx: MachineContext): Promise<string> {
  const host = ctx.env['DOCKER_HOST']
  for (const record of host ? ctx.store.readAll() : []) {
    if ('error' in record) continue
    const url = await openRecord(ctx, record).then(
      (open) => addressOf(open).url,
      () => undefined,
    )
    if (url !== undefined && sameUrl(url, host)) return record.name
  }
  throw new MachineError('not-running', 'No active host found', {
    hints: [`Point your shell at a machine: eval "$(${ctx.profile.program} env NAME)"`],
  })
}

/** Whether a machine's URL is what DOCKER_HOST says. */
export function sameUrl(url: string, host: string | undefined): boolean {
  return host !== undefined && host !== '' && host.replace(/\/+$/, '') === url
}
