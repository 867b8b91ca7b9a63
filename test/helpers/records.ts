import { readFileSync } from 'node:fs'
import type { RecordMapping } from '../../src/contracts/driver.js'
import type { HostRecordV3, LedgerRecord, MachineOptions } from '../../src/contracts/record.js'
import { newHostRecord, newLedger } from '../../src/store/records.js'

/** A driver's mapping as small as it can be: an address, and one setting that docker-machine does not know. */
export const testMapping: RecordMapping = {
  toFields: (config) => ({ IPAddress: config['ip'] ?? '' }),
  fromFields: (fields, previous) => ({
    config: { ...previous?.config, ip: fields['IPAddress'] ?? '' },
    resources: previous?.resources ?? [],
  }),
}

export function machineOptions(engine: Partial<MachineOptions['engine']> = {}): MachineOptions {
  const lists = { opts: [], labels: [], insecureRegistries: [], registryMirrors: [], env: [] }
  return { engine: { ...lists, registryCas: {}, ...engine }, tlsSans: [] }
}

/** Both files of a new machine, for `Store.create`. */
export function firstFiles(
  store: string,
  name: string,
  ip = '192.0.2.1',
): { ledger: LedgerRecord; config: HostRecordV3 } {
  const options = machineOptions()
  const ledger = newLedger({
    machineId: 'ab'.repeat(16),
    driver: { name: 'fake', config: { ip, ours: 'only' } },
    options,
    now: new Date('2026-01-01T00:00:00Z'),
  })
  const driverFields = testMapping.toFields(ledger.driver.config, [])
  return { ledger, config: newHostRecord({ name, store, driverName: 'fake', driverFields, options }) }
}

/** A change of the driver's address. */
export function withIp(ip: string): (ledger: LedgerRecord) => LedgerRecord {
  return (ledger) => ({ ...ledger, driver: { ...ledger.driver, config: { ...ledger.driver.config, ip } } })
}

/** A record that docker-machine itself wrote. */
export function dockerMachineRecord(driver: 'none' | 'generic'): string {
  return readFileSync(new URL(`../fixtures/docker-machine/${driver}.config.json`, import.meta.url), 'utf8')
}

type DriverParts = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const DRIVERS = new URL('../fixtures/docker-machine/drivers.json', import.meta.url)
const driverParts = (): DriverParts => JSON.parse(readFileSync(DRIVERS, 'utf8')) as DriverParts

/** Drivers whose records we have: all of docker-machine's, and some plugins. */
export function recordedDrivers(): readonly string[] {
  return ['generic', 'none', ...Object.keys(driverParts())]
}

/** A record of machine `web` by docker-machine with this driver, every field of the driver's struct in its order. */
export function driverRecord(driver: string): string {
  if (driver === 'none' || driver === 'generic') return dockerMachineRecord(driver)
  const skeleton = JSON.parse(dockerMachineRecord('none').replaceAll('plain', 'web')) as object
  return JSON.stringify({ ...skeleton, Driver: driverParts()[driver], DriverName: driver }, null, 4)
}
