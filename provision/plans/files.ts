import { MachineError } from '../../src/contracts/errors.js'
import type { Wanted } from '../../src/contracts/provision.js'
import type { Places } from './places.js'
import { file, type FileStep, TAG } from './steps.js'

/** Our CA and the engine's own pair; the key is readable by root alone from its first byte. */
export function tlsFiles({ tls: paths }: Places, tls: Wanted['tls']): FileStep[] {
  const tags = [TAG.engine]
  return [
    file(paths.ca, tls.ca, 'install the CA of this machine’s clients', { tags }),
    file(paths.cert, tls.cert, 'install the engine’s certificate', { tags }),
    file(paths.key, tls.key, 'install the engine’s key', { tags, secret: true }),
  ]
}

const REGISTRY_HOST =
  /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?$|^\[[0-9A-Fa-f:]+\](?::\d{1,5})?$/

/** CAs of private registries; the engine reads them at each pull. @throws MachineError `usage` for an odd host name */
export function registryFiles({ certsD }: Places, cas: Readonly<Record<string, string>>): FileStep[] {
  return Object.entries(cas).map(([host, pem]) => {
    if (!REGISTRY_HOST.test(host) || host.includes('..'))
      throw new MachineError('usage', `--engine-registry-ca: "${host}" is not a registry's HOST or HOST:PORT`)
    return file(`${certsD}/${host}/ca.crt`, pem, `trust the registry ${host}`)
  })
}

/** The engine's environment (`--engine-env`); proxies may hold passwords. */
export function environmentFile({ engineEnv }: Places, text: string): FileStep[] {
  if (text === '') return []
  return [file(engineEnv, text, 'set the engine’s environment', { secret: true, tags: [TAG.engine] })]
}
