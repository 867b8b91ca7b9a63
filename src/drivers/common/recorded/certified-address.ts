import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const ENTRY = /(?:^|, )(?:DNS|IP Address):([^,\s]+)/g

/**
 * The address in the server certificate of a machine's directory: some drivers of docker-machine keep it nowhere else.
 * @param others further names in it: the user's own (`--tls-san`) may lead anywhere
 */
export function certifiedAddress(dir: string, others: readonly string[]): string {
  const names = namesIn(join(dir, 'server.pem')).filter(
    (name) => name !== 'localhost' && !others.includes(name),
  )
  return names.at(-1) ?? ''
}

function namesIn(path: string): readonly string[] {
  try {
    const { subjectAltName = '' } = new X509Certificate(readFileSync(path))
    return [...subjectAltName.matchAll(ENTRY)].flatMap(([, name]) => name ?? [])
  } catch {
    return []
  }
}
