import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureCa, type Authority } from '../../src/tls/authority.js'
import type { PemPair } from '../../src/tls/files.js'
import { issueServer } from '../../src/tls/server.js'

/** A CA with client pair in a folder of its own, and a server pair for 127.0.0.1 and localhost. */
export interface TestCertificates {
  readonly dir: string
  readonly ca: Authority
  readonly server: PemPair
  remove(): void
}

export async function testCertificates(
  options: { now?: Date; sans?: readonly string[] } = {},
): Promise<TestCertificates> {
  const dir = mkdtempSync(join(tmpdir(), 'tsm-certs-'))
  const now = options.now ?? new Date()
  const clock = { monotonicMs: () => 0, now: () => now, sleep: () => Promise.resolve() }
  const ca = await ensureCa(dir, { clock })
  const server = await issueServer({
    ca,
    name: 'test',
    sans: options.sans ?? ['127.0.0.1', 'localhost'],
    clock,
  })
  return { dir, ca, server, remove: () => rmSync(dir, { recursive: true, force: true }) }
}
