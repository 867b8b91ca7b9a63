import type { LedgerRecord, PendingUpgrade } from '../contracts/record.js'
import type { MachineContext } from './context.js'
import { updateLedger } from './driver-events.js'
import type { OpenMachine } from './open.js'

/** Written before the first change: a crash leaves a record from which `upgrade` carries on or goes back. */
export async function announceUpgrade(
  ctx: MachineContext,
  open: OpenMachine,
  upgrade: Omit<PendingUpgrade, 'at'>,
): Promise<void> {
  const pending = { ...upgrade, at: ctx.clock.now().toISOString() }
  await updateLedger(ctx, open.name, open.factory, (ledger) => ({ ...ledger, upgrade: pending }))
}

/** The engine that the machine has now answers: whatever an upgrade left open is over. */
export async function settleUpgrade(
  ctx: MachineContext,
  open: OpenMachine,
  change: (ledger: LedgerRecord) => LedgerRecord = (ledger) => ledger,
): Promise<void> {
  if (!ctx.store.get(open.name).ledger?.upgrade) return
  await updateLedger(ctx, open.name, open.factory, ({ upgrade: _over, ...ledger }) => change(ledger))
}
