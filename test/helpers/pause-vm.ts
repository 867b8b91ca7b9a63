import { setTimeout as pause } from 'node:timers/promises'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { withQmp } from '../../src/drivers/qemu/qmp.js'

/** Stops a VM's processors for a while, as suspending this computer would. */
export async function pauseVm(ledger: LedgerRecord, ms: number): Promise<void> {
  const vm = ledger.resources.find((resource) => resource.kind === 'vm')
  await withQmp(String(vm?.attributes?.['control']), AbortSignal.timeout(10_000), async (qmp) => {
    await qmp.execute('stop')
  })
  await pause(ms)
  await withQmp(String(vm?.attributes?.['control']), AbortSignal.timeout(10_000), async (qmp) => {
    await qmp.execute('cont')
  })
}
