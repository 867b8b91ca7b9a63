import { setTimeout as pause } from 'node:timers/promises'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { withQmp } from '../../src/drivers/qemu/qmp.js'

/** Stops a VM's processors for a while, as suspending this computer would. */
export async function pauseVm(ledger: LedgerRecord, ms: number): Promise<void> {
  const control = ledger.resources.find((resource) => resource.kind === 'vm')?.attributes?.['control']
  if (typeof control !== 'string') throw new Error('the VM has no monitor')
  await tell(control, 'stop')
  await pause(ms)
  await tell(control, 'cont')
}

async function tell(control: string, command: string): Promise<void> {
  await withQmp(control, AbortSignal.timeout(10_000), async (qmp) => {
    await qmp.execute(command)
  })
}
