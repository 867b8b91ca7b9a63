/**
 * Tells by a file's status whether it still is the `config.json` that a ledger was written with. Its hash says so too, but
 * Node takes longer to load SHA-256 than for all else that `env` does.
 */
import { type BigIntStats, closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { stat, utimes } from 'node:fs/promises'

const SET_BACK_S = 2
const SECOND_NS = 1_000_000_000n

/**
 * Stamps a new file that nobody else knows of yet. Its time is set back: whoever writes it again, in this very instant too,
 * gives it another. Undefined where that cannot be told.
 */
export async function stampFile(path: string): Promise<string | undefined> {
  try {
    const { mtimeMs } = await stat(path)
    const time = mtimeMs / 1000 - SET_BACK_S
    await utimes(path, time, time)
    return stampOf(await stat(path, { bigint: true }))
  } catch {
    return undefined
  }
}

/** A file's text, and the stamp that it had after it was read: what is written meanwhile has another. */
export function readStamped(path: string): { readonly text: string; readonly stamp: string | undefined } {
  const fd = openSync(path, 'r')
  try {
    const text = readFileSync(fd, 'utf8')
    return { text, stamp: stampOf(fstatSync(fd, { bigint: true })) }
  } finally {
    closeSync(fd)
  }
}

/** A file system that knows whole seconds only gives many files one time. */
function stampOf({ ino, size, mtimeNs }: BigIntStats): string | undefined {
  return mtimeNs % SECOND_NS === 0n ? undefined : `${ino} ${size} ${mtimeNs}`
}
