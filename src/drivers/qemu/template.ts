import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { BootImageFiles, DriverDeps, DriverEvent, DriverMachine } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import { acquireLock } from '../../util/locks.js'
import { makePrivateDir, moveOver, syncDirectory } from '../../util/atomic-file.js'
import { syncTree } from '../../util/durable.js'
import { refuseStrangers } from '../../util/exposure.js'
import { hardwareOf, macOf, vmArgv } from './argv.js'
import { type QemuConfig, readConfig } from './config.js'
import { readJsonFile, writeJsonFile } from './json-file.js'
import { machineFiles } from './layout.js'
import type { MemorySource } from './resume.js'
import { processorOf } from './saved-memory.js'
import type { Launch } from './start.js'

/** A machine's disk can grow after it was copied, and not shrink. */
const DISK_MB = 20_000
/** Another process makes the same template: an emulated guest on a busy computer. */
const WAIT_MS = 900_000

/** What is beside a template's memory and disk, in `template.json`. */
interface TemplateInfo {
  readonly schema: 1
  /** Names this very memory: a disk that was copied from another one does not fit it. */
  readonly id: string
  /** Digest of its boot image, and a file of that: without it the template starts nothing. */
  readonly image: string
  readonly kernel: string
  readonly qemu: string
  readonly bytes: number
  readonly diskSize: number
}

/** The memory and disk of a guest that has booted and is nobody yet. */
export interface Template extends MemorySource {
  readonly id: string
  readonly disk: string
  /** MB. */
  readonly diskSize: number
}

/** What a template is made for: machines that differ in any of it have another. */
export interface TemplateNeeds {
  readonly key: string
  readonly image: BootImageFiles
  readonly qemu: string
  readonly diskSize: number
}

/** Size of the disk that a template has for machines of this size. */
export function templateDisk({ diskSize }: Pick<QemuConfig, 'diskSize'>): number {
  return Math.min(diskSize, DISK_MB)
}

/** Pure: the same launch gives the same key, whatever its machine is called. */
export function templateNeeds(
  { program, plan }: Pick<Launch, 'program' | 'plan'>,
  image: BootImageFiles,
): TemplateNeeds {
  const { accelerator, config, id } = plan
  const devices = vmArgv({ ...plan, netdev: '' }).map((word) => word.replace(macOf(id), ''))
  const diskSize = templateDisk(config)
  const { kernel, imageKernel, plainKernel, name } = accelerator
  const facts = [
    ...[image.digest, program.path, program.version, hardwareOf(devices)],
    ...[kernel, imageKernel, String(plainKernel), processorOf(name), String(diskSize)],
  ]
  const key = createHash('sha256').update(facts.join('\0')).digest('hex').slice(0, 16)
  return { key, image, qemu: program.version, diskSize }
}

export function templatesDir(cacheDir: string): string {
  return join(cacheDir, 'templates')
}

/** One that is whole. */
export function findTemplate(cacheDir: string, key: string): Template | undefined {
  return templateIn(join(templatesDir(cacheDir), key))
}

function templateIn(dir: string): Template | undefined {
  const info = readInfo(dir)
  const { saved, data } = machineFiles(dir)
  if (!info || !existsSync(saved) || !existsSync(data)) return undefined
  const { id, bytes, diskSize } = info
  const hints = [`Remove the template, and it is made anew: rm -r '${dir}'`]
  return { id, bytes, diskSize, path: saved, disk: data, hints }
}

/** Boots a guest in a directory to where it is nobody yet and leaves its memory and disk there; returns the memory's size. */
export type MakeTemplate = (machine: DriverMachine) => Promise<number>

/** Finds the template, or makes it; of many that want it at once one does. */
export async function* ensureTemplate(
  deps: DriverDeps,
  needs: TemplateNeeds,
  make: MakeTemplate,
  signal: AbortSignal,
): AsyncGenerator<DriverEvent, Template> {
  const root = templatesDir(deps.cacheDir)
  refuseStrangers(root)
  const known = findTemplate(deps.cacheDir, needs.key)
  if (known) return known
  const lock = await acquireLock(templateLock(root, needs.key), {
    ...{ what: 'making a template of a machine', waitMs: WAIT_MS, signal, clock: deps.clock },
  })
  try {
    const made = findTemplate(deps.cacheDir, needs.key)
    if (made) return made
    const text = 'Making the template that machines with these settings start from (once)'
    yield { type: 'log', level: 'info', text }
    await pruneTemplates(deps.cacheDir, needs)
    return await makeIn(root, needs, make)
  } finally {
    await lock.release()
  }
}

async function makeIn(root: string, needs: TemplateNeeds, make: MakeTemplate): Promise<Template> {
  const { key, image, qemu, diskSize } = needs
  const [dir, partial] = [join(root, key), templatePartial(root, key)]
  await rm(partial, { recursive: true, force: true })
  try {
    await makePrivateDir(partial)
    const bytes = await make(templateMachine(key, partial))
    const id = randomBytes(16).toString('hex')
    const { digest, kernel } = image
    const info: TemplateInfo = { schema: 1, id, image: digest, kernel, qemu, bytes, diskSize }
    await writeJsonFile(join(partial, INFO), info)
    const made = templateIn(partial)
    if (!made) throw new MachineError('driver', `${partial} is not whole`)
    // Machines start from it unread: what a power cut left of memory or disk would be their death.
    await syncTree(partial)
    await rm(dir, { recursive: true, force: true })
    await moveOver(partial, dir)
    await syncDirectory(root)
    return templateIn(dir) ?? made
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    throw error
  }
}

const INFO = 'template.json'

/** Held by the one that makes it. */
export const templateLock = (root: string, key: string): string => join(root, `${key}.lock`)

/** Where it is made. */
export const templatePartial = (root: string, key: string): string => join(root, `.${key}.new`)

/** The key of what such a name in the templates' folder belongs to. */
export function cutTemplateKey(name: string): string | undefined {
  return /^\.([0-9a-f]{16})\.new$/.exec(name)?.[1] ?? /^([0-9a-f]{16})\.lock$/.exec(name)?.[1]
}

/** Its id comes from the key, so that a QEMU which a killed command has left is found and ended. */
export function templateMachine(key: string, dir: string): DriverMachine {
  const id = createHash('sha256').update(dir).digest('hex').slice(0, 32)
  const resources = [{ kind: 'vm', key: 'vm', id, state: 'intended' as const }]
  return { name: `template-${key}`, id, storeId: '', dir, config: {}, resources }
}

function readInfo(dir: string): TemplateInfo | undefined {
  const info = readJsonFile(join(dir, INFO)) as unknown as TemplateInfo | undefined
  return info?.schema === 1 ? info : undefined
}

/** A template in the cache, for those who look after it. */
export interface KeptTemplate {
  readonly dir: string
  readonly image: string
  readonly qemu: string
  readonly bytes: number
  /** Whether its boot image is still there. */
  readonly usable: boolean
}

export async function keptTemplates(cacheDir: string): Promise<readonly KeptTemplate[]> {
  const root = templatesDir(cacheDir)
  const names = (await readdir(root).catch(() => [])).filter((name) => /^[0-9a-f]{16}$/.test(name))
  const rows = names.map(async (name): Promise<KeptTemplate> => {
    const dir = join(root, name)
    const info = readInfo(dir)
    const bytes = await sizeOf(dir)
    return {
      ...{ dir, bytes, image: info?.image ?? '', qemu: info?.qemu ?? '' },
      usable: info !== undefined && existsSync(info.kernel),
    }
  })
  return await Promise.all(rows)
}

/** What it takes on the disk: the files have holes. */
async function sizeOf(dir: string): Promise<number> {
  const { data, saved } = machineFiles(dir)
  const stats = await Promise.all([data, saved].map((path) => stat(path).catch(() => undefined)))
  return stats.reduce((sum, one) => sum + (one ? one.blocks * 512 : 0), 0)
}

/** Removes templates whose image is gone, or which another version of this QEMU made. */
async function pruneTemplates(cacheDir: string, { image, qemu }: TemplateNeeds): Promise<void> {
  for (const one of await keptTemplates(cacheDir))
    if (!one.usable || (one.image === image.digest && one.qemu !== qemu))
      await rm(one.dir, { recursive: true, force: true })
}

/** Removes the templates of an image that goes; returns how many there were. */
export async function forgetTemplates(cacheDir: string, digest: string): Promise<number> {
  const gone = (await keptTemplates(cacheDir)).filter(({ image }) => image === digest)
  for (const { dir } of gone) await rm(dir, { recursive: true, force: true })
  return gone.length
}

/** Why a machine cannot start from a template; the first that holds is told. */
const MISFITS: readonly (readonly [(config: QemuConfig) => boolean, string])[] = [
  [({ image }) => image !== '', 'it boots an image of its own'],
  [({ shares }) => shares.length > 0, 'it has a shared folder'],
  [({ network }) => network !== 'user', 'its network is not that of QEMU itself (user)'],
]

export function templateMisfit(config: DriverMachine['config']): string | undefined {
  const read = readConfig(config)
  return MISFITS.find(([holds]) => holds(read))?.[1]
}
