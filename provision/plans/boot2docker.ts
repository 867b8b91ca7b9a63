import type { JsonObject } from '../../src/contracts/json.js'
import type { Facts, Wanted } from '../../src/contracts/provision.js'
import { optionsStep, readsEnvironment } from './options-file.js'
import type { EnginePart } from './part.js'
import { BOOT2DOCKER_PROFILE, placesOf } from './places.js'
import { openFiles } from './steps.js'

/**
 * docker-machine's image: its start script reads a profile. The flags of TLS are there and not in daemon.json, so that
 * the port is never open without them; `DOCKER_TLS=no` only keeps the script from making certificates of its own.
 */
export function boot2dockerEngine(facts: Facts, wanted: Wanted, _daemon: JsonObject): EnginePart {
  const { tls, engineEnv } = placesOf('boot2docker')
  const flags = `--tlsverify --tlscacert=${tls.ca} --tlscert=${tls.cert} --tlskey=${tls.key}`
  const profile = optionsStep(BOOT2DOCKER_PROFILE, facts.engine?.optionsFile?.text ?? '', [
    'DOCKER_REMOTE=yes',
    'DOCKER_TLS=no',
    `DOCKER_HOST='-H tcp://0.0.0.0:${wanted.enginePort}'`,
    'DOCKER_STORAGE=auto',
    `EXTRA_ARGS='${flags}'`,
    readsEnvironment(engineEnv),
  ])
  return {
    ...(facts.engine?.version ? { version: facts.engine.version } : {}),
    before: openFiles(facts, [profile]),
    after: [],
  }
}
