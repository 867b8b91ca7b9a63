import { constants, existsSync } from 'node:fs'
import { access, readdir, readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { messageOf } from '../contracts/errors.js'
import { StoreLayout } from '../store/layout.js'
import { foreignParts, storeExposure } from '../store/store-exposure.js'
import { certificateInfo, dayOf } from '../tls/inspect.js'
import { describeHolder, holderState, readHolder } from '../util/locks.js'
import { storeCertificates } from './certificates.js'
import type { MachineContext } from './context.js'
import type { Finding } from './doctor.js'

/** Whether the store, or the place where it will be made, can be written. */
export async function checkStore(ctx: MachineContext): Promise<readonly Finding[]> {
  const { root } = ctx.store
  const place = nearestExisting(root)
  try {
    await access(place, constants.W_OK)
  } catch (error) {
    const hint = 'Choose another place: MACHINE_STORAGE_PATH=DIR, or --storage-path DIR'
    return [{ check: 'store', level: 'bad', text: `${root} cannot be written: ${messageOf(error)}`, hint }]
  }
  const faults = [storeExposure(root), foreignParts(root)].filter((fault) => fault !== undefined)
  if (faults.length > 0) return faults.map((fault) => ({ check: 'store', ...fault }))
  return [
    { check: 'store', level: 'good', text: place === root ? root : `${root} (will be made when needed)` },
  ]
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path))
}

/** Records that cannot be read, and creates that never finished. */
export function checkRecords(ctx: MachineContext): Promise<readonly Finding[]> {
  const records = ctx.store.readAll()
  const findings = records.flatMap((record): Finding[] => {
    const check = `machine ${record.name}`
    if ('error' in record)
      return [
        {
          check,
          level: 'bad',
          text: record.error,
          hint: `Remove it: ${ctx.profile.program} rm -f ${record.name}`,
        },
      ]
    const { ledger } = record
    if (ledger === undefined || ledger.phase === 'ready' || ctx.store.lockHolder(record.name)) return []
    const removing = ledger.phase === 'removing'
    const text = `its ${removing ? 'rm' : 'create'} did not finish`
    const rm = `${ctx.profile.program} rm ${record.name}`
    const hint = removing ? rm : `${ctx.profile.program} create ${record.name} --resume, or ${rm}`
    return [{ check, level: 'note', text, hint }]
  })
  const count: Finding = { check: 'machines', level: 'good', text: String(records.length) }
  return Promise.resolve([count, ...findings])
}

/** Locks whose holder is gone are broken by the next command; those of other computers never are. */
export async function checkLocks(ctx: MachineContext): Promise<readonly Finding[]> {
  const { locksDir } = new StoreLayout(ctx.store.root)
  const files = await readdir(locksDir).catch(() => [])
  return files.flatMap((file): Finding[] => {
    const holder = readHolder(join(locksDir, file))
    if (!holder) return []
    const state = holderState(holder)
    if (state === 'alive')
      return [{ check: 'lock', level: 'good', text: `held by ${describeHolder(holder)}` }]
    const text = `${describeHolder(holder)} ${state === 'gone' ? 'has ended without releasing it' : 'is on another computer'}`
    const hint =
      state === 'gone'
        ? 'The next command breaks it.'
        : `If it is over there no more: remove ${join(locksDir, file)}`
    return [{ check: 'lock', level: 'note', text, hint }]
  })
}

/** Machines that `rm -f` dropped although their provider refused to remove them. */
export function checkTombstones(ctx: MachineContext): Promise<readonly Finding[]> {
  return Promise.resolve(
    ctx.store.tombstones().map((tombstone) => ({
      check: `removed machine ${tombstone.name}`,
      level: 'note' as const,
      text: 'what its provider has may still exist',
      hint: `Remove that: ${ctx.profile.program} gc ${tombstone.id} (its record: ${tombstone.dir})`,
    })),
  )
}

const NOTE_UNDER_DAYS = 30

/** Certificates of the store and of every machine that end soon or have ended. */
export async function checkCertificates(ctx: MachineContext): Promise<readonly Finding[]> {
  const machines = ctx.store
    .names()
    .map((name) => ({ what: name, path: join(ctx.store.dir(name), 'server.pem'), renew: name }))
  const { dir, ca, client } = storeCertificates(ctx)
  const shared = [ca.cert, client.cert].map((name) => ({
    what: isAbsolute(name) ? name : `the store's ${name}`,
    path: resolve(dir, name),
    renew: name === ca.cert ? `--ca $(${ctx.profile.program} ls -q)` : '--client-certs NAME',
  }))
  const findings = await Promise.all(
    [...shared, ...machines].map(async (file) => await checkCertificate(ctx, file)),
  )
  return findings.flat()
}

async function checkCertificate(
  ctx: MachineContext,
  file: { readonly what: string; readonly path: string; readonly renew: string },
): Promise<readonly Finding[]> {
  const pem = await readFile(file.path, 'utf8').catch(() => undefined)
  if (pem === undefined) return []
  const check = `certificate of ${file.what}`
  const hint = `Renew it: ${ctx.profile.program} regenerate-certs ${file.renew}`
  try {
    const now = ctx.clock.now()
    const { daysLeft, notBefore } = certificateInfo(pem, { now })
    if (notBefore > now)
      return [{ check, level: 'bad', text: `is not valid before ${dayOf(notBefore)}`, hint }]
    if (daysLeft < 0) return [{ check, level: 'bad', text: 'has ended', hint }]
    return daysLeft < NOTE_UNDER_DAYS
      ? [{ check, level: 'note', text: `ends in ${daysLeft} days`, hint }]
      : []
  } catch (error) {
    return [{ check, level: 'bad', text: messageOf(error), hint }]
  }
}
