import type { MachineSpec, SeedDocuments } from '../contracts/driver.js'
import type { PinnedHostKeys } from '../contracts/record.js'
import { parseHostKey } from '../ssh/host-key.js'
import { accessAtCreation } from './access.js'
import type { CreateState } from './create-state.js'
import { recordEvents } from './driver-events.js'
import { ensureClientKey, ensureHostKey, importClientKey, readPublicLine } from './identity-files.js'
import { pinImage } from './image.js'
import { placeholderKey } from './placeholder-key.js'
import { firstSeed, givenKey, seedUser } from './machine-seed.js'
import { powerState } from './state.js'

/** Stage `make`: keys, user data, and whatever the driver makes; on resume only what is missing. */
export async function make(state: CreateState, signal: AbortSignal): Promise<void> {
  const { ctx, open } = state
  const { factory, driver } = open
  await prepareLogin(state)
  if (open.ledger.options.fromSnapshot && !factory.snapshots)
    ctx.report({
      type: 'warn',
      machine: open.name,
      text: `Driver ${factory.name} has no snapshots: it is made as usual`,
    })
  if (state.image) await pinImage(ctx, open, state.image)
  const events = driver.create(await machineSpec(state, await firstSeed(state)), signal)
  await recordEvents(ctx, open.name, factory, events)
  await state.refresh()
  if (!driver.start || (await powerState(state.open, signal)) === 'Running') return
  await recordEvents(ctx, open.name, factory, driver.start(state.open.machine, state.image, signal))
  await state.refresh()
}

/** What a driver is told of the machine to make or to check. */
export async function machineSpec(state: CreateState, seed?: SeedDocuments): Promise<MachineSpec> {
  const { ctx, open, image } = state
  const keyPath = givenKey(open)
  const access = accessAtCreation(open)
  return {
    machine: open.machine,
    config: open.machine.config,
    options: open.ledger.options,
    ...(open.machine.state === undefined ? {} : { state: open.machine.state }),
    resources: open.ledger.resources,
    sshUser: open.ledger.ssh?.user ?? '',
    tags: {
      'tsmachine-store': open.machine.storeId,
      'tsmachine-id': open.machine.id,
      'tsmachine-name': open.name,
    },
    ...(keyPath ? { sshPublicKey: await readPublicLine(keyPath) } : {}),
    ...(open.factory.capabilities.inventory ? { placeholderKey: await placeholderKey(ctx) } : {}),
    ...(seed ? { seed } : {}),
    ...(open.ledger.options.fromSnapshot ? { fromSnapshot: true } : {}),
    ...(image ? { image } : {}),
    ...(access ? { access } : {}),
  }
}

async function prepareLogin(state: CreateState): Promise<void> {
  const { factory, record, ledger } = state.open
  // A plugin makes its own keys, and says how to log in once it has made the host.
  if (!factory.capabilities.ssh || factory.capabilities.opaque) return
  const login = factory.login?.(ledger.driver.config)
  if (login) {
    const keyPath = login.keyPath ? await importClientKey(record.dir, login.keyPath) : undefined
    await state.update((old) => ({ ...old, ssh: { user: login.user, ...(keyPath ? { keyPath } : {}) } }))
    return
  }
  const client = await ensureClientKey(record.dir, state.name)
  const hostKeys = ledger.hostKeys ?? (await firstHostKey(state))
  await state.update((old) => ({
    ...old,
    ssh: { user: seedUser(state.open), keyPath: client.path },
    hostKeys,
  }))
}

async function firstHostKey(state: CreateState): Promise<PinnedHostKeys> {
  const { publicLine } = await ensureHostKey(state.open.record.dir, state.name)
  return { source: 'given', current: parseHostKey(publicLine), rotated: false }
}
