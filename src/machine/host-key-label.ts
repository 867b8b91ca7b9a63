import { createHash } from 'node:crypto'
import { messageOf } from '../contracts/errors.js'
import { withDeadline } from '../util/wait.js'
import type { CreateState } from './create-state.js'
import { updateLedger } from './driver-events.js'
import type { OpenMachine } from './open.js'

/** Tag with the SHA-256 of the host key's blob in hexadecimal: values of tags hold little else everywhere. */
export const HOST_KEY_TAG = 'tsmachine-hostkey'
const LABEL_MS = 20_000

/** What the tag holds for a key in pin form. */
export function hostKeyPrint(key: string): string {
  const blob = Buffer.from(key.split(' ')[1] ?? '', 'base64')
  return createHash('sha256').update(blob).digest('hex')
}

/** The same print as OpenSSH writes it. */
export function asFingerprint(print: string): string {
  return `SHA256:${Buffer.from(print, 'hex').toString('base64').replace(/=+$/, '')}`
}

/**
 * Has the provider keep the host key's fingerprint with the server, so that a store that knows nothing of the machine can
 * adopt it without trusting whoever answers. Goes on beside the next stages; a failure is one warning line.
 */
export function labelHostKey(state: CreateState): void {
  const print = duePrint(state.open)
  if (print !== undefined) state.beside(label(state, print))
}

function duePrint({ driver, ledger }: OpenMachine): string | undefined {
  const { hostKeys, hostKeyLabel } = ledger
  if (!driver.label || !hostKeys?.rotated || hostKeys.next !== undefined) return undefined
  const print = hostKeyPrint(hostKeys.current)
  return print === hostKeyLabel ? undefined : print
}

async function label({ ctx, name, open }: CreateState, print: string): Promise<void> {
  const tags = { [HOST_KEY_TAG]: print }
  const work = async (signal: AbortSignal): Promise<void> =>
    await open.driver.label?.(open.machine, tags, signal)
  try {
    await withDeadline(`the label of ${name}`, LABEL_MS, work, { signal: ctx.signal, clock: ctx.clock })
    await updateLedger(ctx, name, open.factory, (ledger) => ({ ...ledger, hostKeyLabel: print }))
  } catch (error) {
    if (ctx.signal.aborted) return
    const text = `The provider does not keep the fingerprint of its host key: ${messageOf(error)}`
    ctx.report({ type: 'warn', machine: name, text })
  }
}
