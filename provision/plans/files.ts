import { MachineError } from '../../src/contracts/errors.js'
import type { Wanted } from '../../src/contracts/provision.js'
import { CERTS_D, ENGINE_ENV, TLS_PATHS } from './places.js'
import { file, type FileStep, TAG } from './steps.js'

/** Our CA and the engine's own pair; the key is readable by root alone from its first byte. */
export function tlsFiles(tls: Wanted['tls']): FileStep[] {
  const tags = [TAG.engine]
  return [
    file(TLS_PATHS.ca, tls.ca, 'install the CA of this machine’s clients', { tags }),
    file(TLS_PATHS.cert, tls.cert, 'install the engine’s certificate', { tags }),
    file(TLS_PATHS.key, tls.key, 'install the engine’s key', { tags, secret: true }),
  ]
}

const REGISTRY_HOST =
  /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?$|^\[[0-9A-Fa-f:]+\](?::\d{1,5})?$/

/** CAs of private registries; the engine reads them at each pull. @throws MachineError `usage` for an odd host name */
export function registryFiles(cas: Readonly<Record<string, string>>): FileStep[] {
  return Object.entries(cas).map(([host, pem]) => {
    if (!REGISTRY_HOST.test(host) || host.includes('..'))
      throw new MachineError('usage', `--engine-registry-ca: "${host}" is not a registry's HOST or HOST:PORT`)
    return file(`${CERTS_D}/${host}/ca.crt`, pem, `trust the registry ${host}`)
  })
}

/** The engine's environment (`--engine-env`); proxies may hold passwords. */
export function environmentFile(text: string): FileStep[] {
  if (text === '') return []
  return [file(ENGINE_ENV, text, 'set the engine’s environment', { secret: true, tags: [TAG.engine] })]
}
