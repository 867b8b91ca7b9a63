/**
 * One process of a crowd on one store. Called with one JSON word; says one JSON line. A create goes the whole way through
 * the store: its record, the CA and its own certificate, and the changes of a record that a create makes.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isMachineError } from '../../src/contracts/errors.js'
import { Store } from '../../src/store/store.js'
import { ensureCa } from '../../src/tls/authority.js'
import { copyClientFiles, SERVER, writePair } from '../../src/tls/files.js'
import { issueServer } from '../../src/tls/server.js'
import { firstFiles, testMapping, withIp } from './records.js'

export interface CrowdTask {
  readonly action: keyof typeof ACTIONS
  readonly root: string
  readonly name: string
}

/** What a reader saw that nobody may ever see. */
export interface Sightings {
  readonly rounds: number
  readonly faults: readonly string[]
}

const ACTIONS = { create, remove, read }
const CHANGES = 3

async function create({ root, name }: CrowdTask): Promise<unknown> {
  const store = new Store(root)
  const lock = await store.lock(name, `create ${name}`)
  try {
    await store.id()
    await store.create(name, firstFiles(root, name, '10.0.0.0'))
    const ca = await ensureCa(store.certsDir, { lock: () => store.lockCa() })
    await copyClientFiles(store.certsDir, store.dir(name))
    await writePair(store.dir(name), SERVER, await issueServer({ ca, name, sans: ['localhost'] }))
    for (let change = 1; change <= CHANGES; change++)
      await store.update(name, testMapping, withIp(`10.0.0.${change}`))
  } finally {
    await lock.release()
  }
  return { created: name }
}

async function remove({ root, name }: CrowdTask): Promise<unknown> {
  const store = new Store(root)
  const lock = await store.lock(name, `rm ${name}`)
  try {
    await store.remove(name)
  } finally {
    await lock.release()
  }
  return { removed: name }
}

/** Lists and reads everything until it is told to stop. */
async function read({ root }: CrowdTask): Promise<Sightings> {
  const store = new Store(root)
  const faults: string[] = []
  let rounds = 0
  while (rounds === 0 || !existsSync(join(root, 'stop'))) {
    for (const name of store.names()) faults.push(...faultsOf(store, name))
    rounds++
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { rounds, faults: faults.slice(0, 10) }
}

function faultsOf(store: Store, name: string): readonly string[] {
  const record = store.read(name)
  // One that was removed between the listing and the reading is gone, whole.
  if ('error' in record) return store.exists(name) ? [`${name}: ${record.error}`] : []
  const { ledger, config, foreign } = record
  const isTorn = ledger?.driver.config['ip'] !== config.Driver['IPAddress']
  return isTorn || foreign ? [`${name}: torn`] : []
}

const task = JSON.parse(process.argv[2] ?? '{}') as CrowdTask
try {
  process.stdout.write(`${JSON.stringify(await ACTIONS[task.action](task))}\n`)
} catch (error) {
  if (!isMachineError(error)) throw error
  process.stdout.write(`${JSON.stringify({ code: error.code, message: error.message })}\n`)
  process.exitCode = 1
}
