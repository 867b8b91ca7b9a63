import type { LedgerRecord } from '../contracts/record.js'
import type { MachineContext } from './context.js'
import { updateLedger } from './driver-events.js'
import { openWithoutSecrets } from './open.js'

/** What `store id` tells. */
export interface StoreIdentity {
  readonly id: string
  readonly former: readonly string[]
  /** Host that the store was on when it got its id, where it is another one than this. */
  readonly copiedFrom?: string
}

export async function storeIdentity({ store }: MachineContext): Promise<StoreIdentity> {
  const id = await store.id()
  const other = store.copiedFrom()
  return { id, former: store.formerIds(), ...(other ? { copiedFrom: other.host } : {}) }
}

/**
 * Gives a copied store an id of its own. What was made under the old one keeps its tags, so each machine keeps the old id
 * in its record: its driver finds what belongs to it, as before. So does what `rm -f` gave up on, for `gc`.
 */
export async function renewStoreId(ctx: MachineContext): Promise<StoreIdentity> {
  const { store } = ctx
  const old = await store.id()
  const keep = (ledger: LedgerRecord): LedgerRecord => ({ ...ledger, storeId: ledger.storeId ?? old })
  for (const record of store.readAll()) {
    if (!record.ledger) continue
    if ('error' in record) await store.updateRemains(record, keep)
    else {
      const { name, factory } = await openWithoutSecrets(ctx, record.name)
      await updateLedger(ctx, name, factory, keep)
    }
  }
  for (const { record } of store.tombstones()) await store.updateRemains(record, keep)
  await store.renewId()
  return await storeIdentity(ctx)
}

/** The store was moved here, not copied: its id stays. */
export async function moveStore(ctx: MachineContext): Promise<StoreIdentity> {
  await ctx.store.id()
  await ctx.store.moveHere()
  return await storeIdentity(ctx)
}
