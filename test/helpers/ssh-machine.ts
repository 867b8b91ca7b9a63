import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { factory as generic } from '../../src/drivers/generic/index.js'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { newHostRecord, newLedger } from '../../src/store/records.js'
import { Store } from '../../src/store/store.js'
import { machineOptions } from './records.js'
import { type Sshd, startSshd, type SshdOptions } from './sshd.js'

/** A machine of the generic driver whose host is a server of the test: it can be logged in to, and has no engine. */
export interface SshMachine {
  readonly name: string
  readonly sshd: Sshd
  readonly keyPath: string
}

export interface SshMachineOptions extends Omit<SshdOptions, 'authorized'> {
  /** The pinned key; the server's own when absent. */
  readonly hostKey?: string
  /** `USER@HOST:PORT` that connections go through. */
  readonly sshJump?: string
}

/** Starts a server with a key of its own for logging in, and records it as a machine of the store. */
export async function startSshMachine(
  store: string,
  name: string,
  options: SshMachineOptions = {},
): Promise<SshMachine> {
  const pair = generateKeyPair(name)
  const sshd = await startSshd({ ...options, authorized: [pair.publicLine] })
  await recordSshMachine(store, name, sshd, options)
  const keyPath = join(new Store(store, { env: {}, program: 'tsmachine' }).dir(name), 'id_rsa')
  writeFileSync(keyPath, pair.privatePem, { mode: 0o600 })
  return { name, sshd, keyPath }
}

/** The record alone: several machines may be the same server. */
export async function recordSshMachine(
  root: string,
  name: string,
  sshd: Pick<Sshd, 'host' | 'port' | 'user' | 'hostKeys'>,
  { hostKey = sshd.hostKeys[0] ?? '', sshJump }: Pick<SshMachineOptions, 'hostKey' | 'sshJump'> = {},
): Promise<void> {
  const store = new Store(root, { env: {}, program: 'tsmachine' })
  const options = { ...machineOptions(), ...(sshJump === undefined ? {} : { sshJump }) }
  const config = {
    ...{ ipAddress: sshd.host, sshPort: sshd.port, sshUser: sshd.user, sshKey: '' },
    ...{ enginePort: 2376, hostKey: '', trustFirstUse: false },
  }
  const machineId = createHash('md5').update(name).digest('hex')
  const ledger = newLedger({ machineId, driver: { name: 'generic', config }, options, now: new Date() })
  const driverFields = generic.record.toFields(config, [])
  await store.create(name, {
    ledger: {
      ...ledger,
      phase: 'ready',
      hostKeys: { source: 'user', current: hostKey, rotated: true },
      ssh: { user: sshd.user, keyPath: join(store.dir(name), 'id_rsa') },
    },
    config: newHostRecord({ name, store: root, driverName: 'generic', driverFields, options }),
  })
}
