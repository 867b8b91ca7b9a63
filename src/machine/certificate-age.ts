import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { certificateInfo } from '../tls/inspect.js'

/** Whole days until a machine's server certificate ends (negative: it has); undefined where there is none to read. */
export async function certificateDaysLeft(dir: string, now: Date): Promise<number | undefined> {
  try {
    return certificateInfo(await readFile(join(dir, 'server.pem'), 'utf8'), { now }).daysLeft
  } catch {
    return undefined
  }
}
