import type { JsonObject } from '../../src/contracts/json.js'
import type { Facts, Wanted } from '../../src/contracts/provision.js'
import { addedAddresses } from './host-engine.js'
import { enableSteps } from './openrc-bundle.js'
import { optionsStep, readsEnvironment } from './options-file.js'
import { type EnginePart, userInDockerGroup } from './part.js'
import { placesOf } from './places.js'
import { openFiles } from './steps.js'

const CONF = '/etc/conf.d/docker'

/** The distribution's own engine is kept: our address joins DOCKER_OPTS, everything else goes into daemon.json. */
export function hostEngineOnOpenrc(facts: Facts, wanted: Wanted, daemon: JsonObject): EnginePart {
  const { path, text } = facts.engine?.optionsFile ?? { path: CONF, text: '' }
  const added = addedAddresses(facts, wanted, daemon, path).map((address) => ` -H ${address}`)
  const options = optionsStep(path, text, [
    `DOCKER_OPTS="$DOCKER_OPTS${added.join('')}"`,
    readsEnvironment(placesOf('openrc').engineEnv),
  ])
  return {
    ...(facts.engine?.version ? { version: facts.engine.version } : {}),
    before: userInDockerGroup(facts),
    after: [...openFiles(facts, [options]), ...enableSteps(facts, ['docker'])],
  }
}
