/** The QEMU process of a machine, as its record names it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { processStart } from '../../src/util/process.js'
import type { TestUser } from './cli.js'
import { poll } from './poll.js'

export function ledgerOf(user: TestUser, name: string): LedgerRecord {
  return JSON.parse(
    readFileSync(join(user.store, 'machines', name, 'tsmachine.json'), 'utf8'),
  ) as LedgerRecord
}

/** Undefined while there is none, or while the record only announces it. */
export function vmPid(user: TestUser, name: string): number | undefined {
  if (!existsSync(join(user.store, 'machines', name, 'tsmachine.json'))) return undefined
  const vm = ledgerOf(user, name).resources.find(({ kind, state }) => kind === 'vm' && state === 'made')
  const pid = Number(vm?.attributes?.['pid'])
  // 0 and 1 are not processes that a test may signal.
  return pid > 1 && processStart(pid) !== undefined ? pid : undefined
}

/** kill -9 of a machine's QEMU; returns once it is gone. */
export async function cutPower(user: TestUser, name: string): Promise<void> {
  const pid = vmPid(user, name)
  if (pid === undefined) throw new Error(`${name} has no VM whose power could be cut`)
  process.kill(pid, 'SIGKILL')
  await poll(30_000, () => Promise.resolve(processStart(pid) === undefined), 10)
}
