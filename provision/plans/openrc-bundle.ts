import type { Facts, Step, Wanted } from '../../src/contracts/provision.js'
import { bundleVersion, containerdFile, containerdHasChanged, installSteps, moduleSteps } from './bundle.js'
import { type EnginePart, userInDockerGroup } from './part.js'
import { CONTAINERD_SERVICE, ENGINE_SERVICE } from './places.js'
import { containerdService, engineService } from './openrc-texts.js'
import { file, type FileStep, openFiles, run, TAG } from './steps.js'

const SERVICES = ['tsmachine-containerd', 'docker'] as const

/** Our bundle below /opt/tsmachine with its two services. */
export function bundleOnOpenrc(facts: Facts, wanted: Wanted): EnginePart {
  const version = bundleVersion(facts, wanted)
  const services = openFiles(facts, serviceFiles(facts, wanted))
  return {
    version,
    before: [...installSteps(facts, version), ...userInDockerGroup(facts), ...moduleSteps(facts)],
    after: [...services, ...enableSteps(facts, SERVICES), ...containerdSteps(facts, version, services)],
  }
}

/** What OpenRC starts at boot. */
export function enableSteps(facts: Facts, services: readonly string[]): Step[] {
  if (facts.engine?.enabled) return []
  return services.map((name) => run(['rc-update', 'add', name, 'default'], `start ${name} at boot`))
}

function serviceFiles(facts: Facts, wanted: Wanted): FileStep[] {
  const service = engineService({ port: wanted.enginePort, hasPublicCas: facts.hasPublicCas })
  return [
    containerdFile(),
    file(CONTAINERD_SERVICE, containerdService(), 'describe containerd to OpenRC', {
      mode: '755',
      tags: [TAG.containerd, TAG.engine],
    }),
    file(ENGINE_SERVICE, service, 'describe the engine to OpenRC', { mode: '755', tags: [TAG.engine] }),
  ]
}

/** The engine only wants containerd, so OpenRC leaves it running; starting it starts containerd too. */
function containerdSteps(facts: Facts, version: string, services: readonly FileStep[]): Step[] {
  if (!containerdHasChanged(facts, version, services)) return []
  const options = facts.engine?.state === 'stopped' ? ['--ifstarted'] : []
  return [
    run(
      ['rc-service', ...options, 'tsmachine-containerd', 'restart'],
      'restart containerd; containers go on',
      {
        settles: [TAG.containerd],
        timeoutS: 90,
        evidence: ['tail', '-n', '30', '/var/log/tsmachine-containerd.log'],
      },
    ),
  ]
}
