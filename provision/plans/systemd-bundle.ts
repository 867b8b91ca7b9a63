import type { Facts, Step, Wanted } from '../../src/contracts/provision.js'
import { bundleVersion, containerdFile, containerdHasChanged, installSteps, moduleSteps } from './bundle.js'
import { type EnginePart, userInDockerGroup } from './part.js'
import { CONTAINERD_UNIT, ENGINE_UNIT } from './places.js'
import { file, type FileStep, openFiles, run, TAG } from './steps.js'
import { containerdUnit, engineUnit } from './unit-texts.js'

const CONTAINERD_TIMEOUT_S = 90
const UNITS = ['tsmachine-containerd.service', 'docker.service'] as const

/** Our bundle below /opt/tsmachine with its two units. */
export function bundleOnSystemd(facts: Facts, wanted: Wanted): EnginePart {
  const version = bundleVersion(facts, wanted)
  const units = openFiles(facts, unitFiles(facts, wanted))
  return {
    version,
    before: [...installSteps(facts, version), ...userInDockerGroup(facts), ...moduleSteps(facts)],
    after: [
      ...units,
      ...reloadUnits(facts, units),
      ...enableSteps(facts),
      ...containerdSteps(facts, version, units),
    ],
  }
}

/** systemd reads unit files again if some changed, now or in a run that was cut. */
export function reloadUnits(facts: Facts, units: readonly FileStep[]): Step[] {
  if (units.length === 0 && !facts.pending.includes(TAG.units)) return []
  return [run(['systemctl', 'daemon-reload'], 'have systemd read its units again', { settles: [TAG.units] })]
}

function unitFiles(facts: Facts, wanted: Wanted): FileStep[] {
  const unit = engineUnit({ port: wanted.enginePort, hasPublicCas: facts.hasPublicCas })
  return [
    containerdFile(),
    file(CONTAINERD_UNIT, containerdUnit(), 'describe containerd to systemd', {
      tags: [TAG.units, TAG.containerd, TAG.engine],
    }),
    file(ENGINE_UNIT, unit, 'describe the engine to systemd', { tags: [TAG.units, TAG.engine] }),
  ]
}

function enableSteps(facts: Facts): Step[] {
  if (facts.engine?.enabled) return []
  return [run(['systemctl', 'enable', ...UNITS], 'start the engine at boot')]
}

/** Starting the engine starts containerd too. */
function containerdSteps(facts: Facts, version: string, units: readonly FileStep[]): Step[] {
  if (!containerdHasChanged(facts, version, units)) return []
  // Without an engine it may run all the same, of a version that did not work; starting the engine starts it too.
  const verb = facts.engine?.state === 'stopped' ? 'try-restart' : 'restart'
  return [
    run(['systemctl', verb, 'tsmachine-containerd.service'], 'restart containerd; containers go on', {
      settles: [TAG.containerd],
      timeoutS: CONTAINERD_TIMEOUT_S,
      evidence: ['journalctl', '-u', 'tsmachine-containerd.service', '-o', 'cat', '--no-pager', '-n', '30'],
    }),
  ]
}
