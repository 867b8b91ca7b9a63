import { existsSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname } from 'node:path'
import { MachineError } from '../../contracts/errors.js'
import type { Resource } from '../../contracts/record.js'
import { syncDirectory } from '../../util/atomic-file.js'
import { fileError } from '../../util/file-error.js'
import { partialOf } from './disks.js'
import { readJsonFile } from './json-file.js'
import type { MachineFiles } from './layout.js'
import { resourceOf } from './vm-record.js'

/** A writable disk as it was when the memory was saved. A change after that makes the memory worthless. */
export interface DiskStamp {
  readonly path: string
  readonly size: number
  /** Nanoseconds, as text: JSON has no numbers of that length. */
  readonly changed: string
}

/** What the saved memory of a VM needs to be loaded again, beside it in `memory.json`. */
export interface SavedInfo extends Fit {
  readonly schema: 1
  /** Size of the memory file. */
  readonly bytes: number
  readonly disks: readonly DiskStamp[]
}

/** What must be the same. */
export interface Fit {
  readonly qemu: string
  readonly hardware: string
  /** The boot image's digest; empty: the VM boots from its own disk. */
  readonly image: string
  /** This computer's processor; empty under emulation. */
  readonly processor: string
}

export const SAVED = { kind: 'saved-memory', key: 'saved-memory' } as const

/** The saved memory, if it is whole. */
export function readSaved(files: MachineFiles): SavedInfo | undefined {
  const info: unknown = readJsonFile(files.savedInfo)
  if (!isSavedInfo(info) || !existsSync(files.saved)) return undefined
  return statSync(files.saved).size === info.bytes ? info : undefined
}

function isSavedInfo(value: unknown): value is SavedInfo {
  if (typeof value !== 'object' || value === null) return false
  const { schema, bytes, disks } = value as Record<string, unknown>
  return schema === 1 && typeof bytes === 'number' && Array.isArray(disks) && disks.every(isStamp)
}

function isStamp(value: unknown): value is DiskStamp {
  return typeof value === 'object' && value !== null && 'path' in value && typeof value.path === 'string'
}

/** Whether the disks are still those that the memory knows: nothing has run on them since. */
export function fitsDisks({ disks }: SavedInfo): boolean {
  return disks.every(({ path, size, changed }) => {
    const now = stampOf(path)
    return now?.size === size && now.changed === changed
  })
}

export function stampOf(path: string): DiskStamp | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat && { path, size: Number(stat.size), changed: String(stat.mtimeNs) }
}

/** The VM's writable disks. */
export function disksOf({ data, root }: MachineFiles): readonly DiskStamp[] {
  return [data, root].flatMap((path) => stampOf(path) ?? [])
}

/** Memory that could be loaded now. Cheap where there is none: `env` asks. */
export function usableMemory(resources: readonly Resource[], files: MachineFiles): SavedInfo | undefined {
  if (!resourceOf(resources, SAVED.kind)) return undefined
  const info = readSaved(files)
  return info && fitsDisks(info) ? info : undefined
}

/** Removes it, the memory first: without it the rest means nothing. */
export async function dropSaved(files: MachineFiles): Promise<void> {
  for (const path of [partialOf(files.saved), files.saved, files.savedInfo])
    try {
      await rm(path, { force: true })
    } catch (error) {
      throw fileError('remove', path, error)
    }
  await syncDirectory(dirname(files.saved))
}

/** This computer's processor, where the guest sees it. */
export function processorOf(accel: string): string {
  return accel === 'tcg' ? '' : (cpus()[0]?.model ?? '')
}

const DIFFERENCES: readonly (readonly [keyof Fit, (then: string, now: string) => string])[] = [
  ['qemu', (then, now) => `it was suspended with QEMU ${then}, and this is ${now}`],
  ['image', (then) => `its boot image ${then.slice(0, 12)} is no longer here`],
  ['processor', (then, now) => `it was suspended on another processor (${then}, this is ${now})`],
  ['hardware', () => 'its settings, or the way in which tsmachine starts QEMU, have changed since'],
]

/** @throws MachineError `driver` saying what changed, and how to start without what was saved */
export function refuseMisfit(name: string, saved: Fit, now: Fit): void {
  const row = DIFFERENCES.find(([key]) => saved[key] !== now[key])
  if (!row) return
  const [key, text] = row
  throw new MachineError(
    'driver',
    `The saved memory of "${name}" cannot be loaded: ${text(saved[key], now[key])}`,
    { machine: name, hints: coldHints(name) },
  )
}

/** What to do when the memory cannot be loaded. */
export function coldHints(name: string): readonly string[] {
  return [`To start without it, as after a power cut: tsmachine start --cold ${name}`]
}
