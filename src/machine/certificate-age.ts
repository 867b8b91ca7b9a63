import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OpenMachine } from './open.js'
import { certificateInfo } from '../tls/inspect.js'

const DAY_MS = 86_400_000

/** Whole days until a host's certificate ends (negative: it has); undefined where nothing is known of one. */
export async function certificateDaysLeft(open: OpenMachine, now: Date): Promise<number | undefined> {
  const { certificate } = open.ledger
  if (certificate) return Math.floor((Date.parse(certificate.notAfter) - now.getTime()) / DAY_MS)
  try {
    return certificateInfo(await readFile(join(open.record.dir, 'server.pem'), 'utf8'), { now }).daysLeft
  } catch {
    return undefined
  }
}
