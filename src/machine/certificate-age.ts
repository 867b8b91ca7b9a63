import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OpenMachine } from './open.js'
import { certificateInfo } from '../tls/inspect.js'

const DAY_MS = 86_400_000

/** Whole days until a host's certificate ends (negative: it has); undefined where nothing is known of one. */
export function certificateDaysLeft(open: OpenMachine, now: Date): number | undefined {
  const { certificate } = open.ledger
  if (certificate) return Math.floor((Date.parse(certificate.notAfter) - now.getTime()) / DAY_MS)
  const file = join(open.record.dir, 'server.pem')
  try {
    return existsSync(file) ? certificateInfo(readFileSync(file, 'utf8'), { now }).daysLeft : undefined
  } catch {
    return undefined
  }
}
