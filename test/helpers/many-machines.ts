import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatHostRecord } from '../../src/store/go-json.js'
import { newHostRecord, newLedger } from '../../src/store/records.js'
import { machineOptions } from './records.js'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Machines of driver `none`, each a name and its URL, written as our `create` does: docker-machine reads them too. */
export function writeMachines(store: string, machines: Iterable<readonly [name: string, url: string]>): void {
  for (const [name, url] of machines) {
    const options = machineOptions()
    const driverFields = { IPAddress: url.replace(/^tcp:\/\//, ''), URL: url }
    const config = newHostRecord({ name, store, driverName: 'none', driverFields, options })
    const text = formatHostRecord(config)
    const ledger = {
      ...newLedger({
        machineId: sha256(name).slice(0, 32),
        driver: { name: 'none', config: { url } },
        options,
        now: new Date(),
      }),
      phase: 'ready',
      configHash: sha256(text),
    }
    const dir = join(store, 'machines', name)
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    writeFileSync(join(dir, 'config.json'), text, { mode: 0o600 })
    writeFileSync(join(dir, 'tsmachine.json'), `${JSON.stringify(ledger, null, 2)}\n`, { mode: 0o600 })
  }
}
