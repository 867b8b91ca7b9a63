import { MachineError } from '../src/contracts/errors.js'
import type { Facts, InitSystem, Plan, Step, Wanted } from '../src/contracts/provision.js'
import type { EngineChoices, EngineSource } from '../src/contracts/record.js'
import { clockSteps } from './plans/clock.js'
import { daemonText, mergeDaemon, wantedDaemon } from './plans/daemon-json.js'
import { engineOption } from './plans/engine-flags.js'
import { boot2dockerEngine } from './plans/boot2docker.js'
import { ENVIRONMENTS, parseEnvironment } from './plans/environment.js'
import { environmentFile, registryFiles, tlsFiles } from './plans/files.js'
import { hostnameSteps } from './plans/hostname.js'
import { hostEngineOnOpenrc } from './plans/openrc-host.js'
import { bundleOnOpenrc } from './plans/openrc-bundle.js'
import type { MakePart } from './plans/part.js'
import { firewallSteps } from './plans/firewall.js'
import { placesOf } from './plans/places.js'
import { type DaemonGoal, daemonGoal, engineSteps, presentDaemon } from './plans/restart.js'
import { type EngineService, SERVICES } from './plans/services.js'
import { checkHost, engineSource, installUrl } from './plans/source.js'
import { awaitPackageManager, file, type FileStep, openFiles, run, TAG } from './plans/steps.js'
import { bundleOnSystemd } from './plans/systemd-bundle.js'
import { hostEngineOnSystemd } from './plans/systemd-host.js'
import { warnings } from './plans/warnings.js'

const imageEngine: MakePart = ({ engine }) => ({
  ...(engine?.version ? { version: engine.version } : {}),
  before: [],
  after: [],
})

/** How each source of an engine adds to a plan, by what starts it. `install-url` becomes `host` once it has run. */
const PARTS: Readonly<Record<Exclude<EngineSource, 'install-url'>, Partial<Record<InitSystem, MakePart>>>> = {
  image: { tsmachine: imageEngine },
  bundled: { systemd: bundleOnSystemd, openrc: bundleOnOpenrc },
  host: { systemd: hostEngineOnSystemd, openrc: hostEngineOnOpenrc, boot2docker: boot2dockerEngine },
}

/**
 * What has to be done to a host, from what was found there. Pure: the same input gives the same plan. Steps that an
 * earlier run has finished are not in it.
 * @throws MachineError `provision` when the host cannot become what is wanted, `usage` for a choice that makes no sense
 */
export function plan(facts: Facts, wanted: Wanted): Plan {
  const source = engineSource(facts, wanted)
  checkHost(facts, source, wanted)
  const port = wanted.enginePort
  if (source === 'install-url' && !facts.engine) return installPlan(facts, wanted)
  if (wanted.certificatesOnly) return renewalPlan(facts, wanted, source)
  const ours = wantedDaemon(wanted, facts.init)
  const daemon = mergeDaemon(facts.daemonJson, ours, placesOf(facts.init).daemonJson)
  const part = partMaker(source, facts.init)(facts, wanted, daemon)
  const before = [
    ...clockSteps(facts),
    ...hostnameSteps(facts, wanted, source),
    ...part.before,
    ...configuration(facts, wanted),
  ]
  return {
    steps: [
      ...before,
      ...(source === 'image' ? [] : firewallSteps(facts, port)),
      ...takeOver(facts, wanted, daemonGoal(facts, daemon), before, part.after),
    ],
    engine: { source, port, ...(part.version ? { version: part.version } : {}) },
    warnings: warnings(facts, wanted),
  }
}

/** @throws MachineError `usage` for choices that no host can be given */
export function checkChoices(choices: EngineChoices): void {
  for (const option of choices.opts) engineOption(option)
  parseEnvironment(choices.env)
  registryFiles(placesOf('systemd'), choices.registryCas)
}

/** Only the certificates: files and the engine's restart (design 7). daemon.json ends as it was. */
function renewalPlan(facts: Facts, wanted: Wanted, source: EngineSource): Plan {
  if (!facts.engine)
    throw new MachineError('provision', 'The host has no engine whose certificate could be renewed', {
      hints: [`tsmachine provision ${wanted.name}`],
    })
  const files = openFiles(facts, tlsFiles(placesOf(facts.init), wanted.tls))
  const version = facts.currentBundle ?? facts.engine.version
  return {
    steps: [...clockSteps(facts), ...files, ...takeOver(facts, wanted, presentDaemon(facts), files)],
    engine: { source, port: wanted.enginePort, ...(version ? { version } : {}) },
    warnings: warnings(facts, wanted),
  }
}

function installPlan(facts: Facts, wanted: Wanted): Plan {
  const url = installUrl(wanted) ?? ''
  return {
    steps: [
      ...clockSteps(facts),
      awaitPackageManager(),
      run(['sh', '@lib/install-url.sh', url], `run the install script ${url}`, { timeoutS: 1800 }),
    ],
    engine: { source: 'install-url', port: wanted.enginePort },
    warnings: warnings(facts, wanted),
    again: true,
  }
}

/**
 * What a first boot of our image can be given, so that its engine starts without waiting for us: the files that a plan
 * would write there.
 */
export function firstBootFiles(wanted: Wanted): FileStep[] {
  const daemon = daemonText(wantedDaemon(wanted, 'tsmachine'))
  return [
    ...configurationFiles(wanted, 'tsmachine'),
    file(placesOf('tsmachine').daemonJson, daemon, 'set the engine’s options'),
  ]
}

function configuration(facts: Facts, wanted: Wanted): Step[] {
  return openFiles(facts, configurationFiles(wanted, facts.init))
}

function configurationFiles(wanted: Wanted, init: InitSystem): FileStep[] {
  const places = placesOf(init)
  return [
    ...tlsFiles(places, wanted.tls),
    ...registryFiles(places, wanted.engine.registryCas),
    ...environmentFile(places, ENVIRONMENTS[init](wanted.engine.env)),
  ]
}

function partMaker(source: EngineSource, init: InitSystem): MakePart {
  const part = PARTS[source === 'install-url' ? 'host' : source][init]
  if (part) return part
  throw new MachineError('bug', `no plan for the source ${source} under ${init}`)
}

function takeOver(
  facts: Facts,
  wanted: Wanted,
  daemon: DaemonGoal,
  before: readonly Step[],
  meanwhile: readonly Step[] = [],
): Step[] {
  const changed =
    facts.pending.includes(TAG.engine) ||
    daemon.isOpen ||
    [...before, ...meanwhile].some((step) => step.tags?.includes(TAG.engine))
  const [service, force] = [serviceOf(facts), wanted.force === true]
  return engineSteps({ facts, service, daemon, changed, force, meanwhile })
}

function serviceOf(facts: Facts): EngineService {
  const service = SERVICES[facts.init]
  if (service) return service
  throw new MachineError('bug', `no service table for ${facts.init}`)
}
