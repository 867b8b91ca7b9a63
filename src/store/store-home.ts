/** On which computer a store got its id, and the ids that it had before. */
import { readFileSync } from 'node:fs'
import { writeFileAtomic } from '../util/atomic-file.js'
import { writeFirst } from '../util/first-file.js'
import { hostIdentity, isThisComputer } from '../util/process.js'

/** A computer: its name, and `/etc/machine-id` where it has one. */
export interface StoreHome {
  readonly host: string
  readonly hostId: string
}

/** The first use of an id says where that was. */
export async function noteHome(path: string): Promise<void> {
  if (readHome(path) === undefined) await writeFirst(path, homeText())
}

/** From now on the store belongs here. */
export async function moveHome(path: string): Promise<void> {
  await writeFileAtomic(path, homeText(), { mode: 0o600 })
}

/** The computer that the store was on when it got its id, where that is another one than this. */
export function otherHome(path: string): StoreHome | undefined {
  const home = readHome(path)
  return home && !isThisComputer(home) ? home : undefined
}

/** Ids that the store had before, oldest first. */
export function readFormerIds(path: string): readonly string[] {
  return readText(path)
    .split('\n')
    .filter((line) => /^[0-9a-f]{32}$/.test(line))
}

/** Remembers an id that is given up. */
export async function addFormerId(path: string, id: string): Promise<void> {
  const ids = [...new Set([...readFormerIds(path), id])]
  await writeFileAtomic(path, `${ids.join('\n')}\n`, { mode: 0o600 })
}

function homeText(): string {
  const { host, hostId } = hostIdentity()
  return `${JSON.stringify({ host, hostId })}\n`
}

function readHome(path: string): StoreHome | undefined {
  try {
    const { host, hostId } = JSON.parse(readText(path)) as Partial<Record<keyof StoreHome, unknown>>
    return typeof host === 'string' && typeof hostId === 'string' ? { host, hostId } : undefined
  } catch {
    return undefined
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
