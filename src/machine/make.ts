import { firstBootFiles } from '../../provision/plan.js'
import type { MachineSpec, SeedDocuments } from '../contracts/driver.js'
import type { PinnedHostKeys } from '../contracts/record.js'
import { parseHostKey } from '../ssh/host-key.js'
import { accessAtCreation } from './access.js'
import { ensureServerCertificate } from './certificates.js'
import type { CreateState } from './create-state.js'
import { recordEvents } from './driver-events.js'
import { ensureClientKey, ensureHostKey, importClientKey, readPublicLine } from './identity-files.js'
import { wantedState } from './install.js'
import { pinImage } from './image.js'
import type { OpenMachine } from './open.js'
import { placeholderKey } from './placeholder-key.js'
import { seedDocuments, type SeedFile } from './seed.js'
import { powerState } from './state.js'

/** User that we make on hosts of our own. */
export const SEED_USER = 'docker'

/** Stage `make`: keys, user data, and whatever the driver makes; on resume only what is missing. */
export async function make(state: CreateState, signal: AbortSignal): Promise<void> {
  const { ctx, open } = state
  const { factory, driver } = open
  await prepareLogin(state)
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
    ...(image ? { image } : {}),
    ...(access ? { access } : {}),
  }
}

/** The client key that we give to hosts of our own. */
function givenKey({ factory, ledger }: OpenMachine): string | undefined {
  const { hostKey, ssh } = factory.capabilities
  return hostKey === 'given' && ssh ? ledger.ssh?.keyPath : undefined
}

async function prepareLogin(state: CreateState): Promise<void> {
  const { factory, record, ledger } = state.open
  if (!factory.capabilities.ssh) return
  const login = factory.login?.(ledger.driver.config)
  if (login) {
    const keyPath = login.keyPath ? await importClientKey(record.dir, login.keyPath) : undefined
    await state.update((old) => ({ ...old, ssh: { user: login.user, ...(keyPath ? { keyPath } : {}) } }))
    return
  }
  const client = await ensureClientKey(record.dir, state.name)
  const hostKeys = ledger.hostKeys ?? (await firstHostKey(state))
  await state.update((old) => ({ ...old, ssh: { user: SEED_USER, keyPath: client.path }, hostKeys }))
}

async function firstHostKey(state: CreateState): Promise<PinnedHostKeys> {
  const { publicLine } = await ensureHostKey(state.open.record.dir, state.name)
  return { source: 'given', current: parseHostKey(publicLine), rotated: false }
}

/** A host that has replaced the key is given none again, nor anything else that is secret. */
async function firstSeed(state: CreateState): Promise<SeedDocuments | undefined> {
  const { open } = state
  const keyPath = givenKey(open)
  if (!keyPath) return undefined
  if (open.ledger.hostKeys?.rotated) return await sealedSeed(open, keyPath)
  const hostKey = await ensureHostKey(open.record.dir, open.name)
  const files = await engineFiles(state)
  return seedDocuments({ ...(await seedBase(open, keyPath)), hostKey, ...(files ? { files } : {}) })
}

/** The engine then starts with the guest; stage `provision` finds nothing left to do. */
async function engineFiles({ ctx, open, image }: CreateState): Promise<readonly SeedFile[] | undefined> {
  if (!image || !open.factory.seedsEngine?.(open.ledger.driver.config)) return undefined
  return firstBootFiles(wantedState(open, await ensureServerCertificate(ctx, open)))
}

/** The seed as it is once the host has a key of its own: nothing secret is in it. */
export async function sealedSeed(open: OpenMachine, keyPath: string): Promise<SeedDocuments> {
  return seedDocuments(await seedBase(open, keyPath))
}

async function seedBase(open: OpenMachine, keyPath: string): Promise<Parameters<typeof seedDocuments>[0]> {
  const extra = open.factory.userData?.(open.ledger.driver.config)
  return {
    name: open.name,
    instanceId: open.machine.id,
    user: SEED_USER,
    authorizedKey: await readPublicLine(keyPath),
    ...(extra ? { extra } : {}),
  }
}
