import { installHostKey, nextHostKey } from '../../provision/host-key.js'
import type { LedgerRecord, PinnedHostKeys } from '../contracts/record.js'
import type { RemoteShell } from '../contracts/ssh.js'
import type { MachineContext } from './context.js'
import { updateLedger } from './driver-events.js'
import { type OpenMachine } from './open.js'

/**
 * Host-key rotation (design 7). The key that a guest boots with travelled in user data, which containers may read, so
 * the host makes another whose private half never leaves it. While `next` is recorded either key is accepted: whatever
 * instant we die at, the following connection works and tells how far we got.
 */
export async function prepareRotation(
  ctx: MachineContext,
  open: OpenMachine,
  shell: RemoteShell,
  signal: AbortSignal,
): Promise<void> {
  const next = await nextHostKey(shell, signal)
  await setPins(ctx, open, (pins) => ({ ...pins, next }))
  await installHostKey(shell, signal)
}

/** Drops the old key once the host has shown the new one. Returns whether it has. */
export async function finishRotation(
  ctx: MachineContext,
  open: OpenMachine,
  seenKey: string,
): Promise<boolean> {
  const ledger = await setPins(ctx, open, (pins) => settled(pins, seenKey))
  return ledger.hostKeys?.rotated === true && ledger.hostKeys.next === undefined
}

function settled(pins: PinnedHostKeys, seenKey: string): PinnedHostKeys {
  if (pins.next === undefined || seenKey !== pins.next) return pins
  return { source: pins.source, current: pins.next, rotated: true }
}

async function setPins(
  ctx: MachineContext,
  open: OpenMachine,
  change: (pins: PinnedHostKeys) => PinnedHostKeys,
): Promise<LedgerRecord> {
  return await updateLedger(ctx, open.name, open.factory, (ledger) =>
    ledger.hostKeys ? { ...ledger, hostKeys: change(ledger.hostKeys) } : ledger,
  )
}
