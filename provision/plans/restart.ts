import { MachineError } from '../../src/contracts/errors.js'
import type { JsonObject } from '../../src/contracts/json.js'
import type { Facts, Step } from '../../src/contracts/provision.js'
import { daemonText, parseDaemon } from './daemon-json.js'
import { placesOf } from './places.js'
import type { EngineService } from './services.js'
import { file, type FileStep, isOpen, run, TAG } from './steps.js'

/** What decides how the engine takes over what changed. */
export interface RestartInput {
  readonly facts: Facts
  readonly service: EngineService
  /** daemon.json as it should be in the end. */
  readonly daemon: DaemonGoal
  /** Something that the engine reads only at its start has changed, now or in a run that was cut. */
  readonly changed: boolean
  readonly force: boolean
  /**
   * What is done when daemon.json is as it should be and containers are safe, just before the restart: replacing the engine's
   * package, putting its address on a command line.
   */
  readonly meanwhile?: readonly Step[]
}

/** What daemon.json should say, how it is written, and whether that is still to be done. */
export interface DaemonGoal {
  readonly value: JsonObject
  readonly text: string
  readonly isOpen: boolean
}

/** A new daemon.json. */
export function daemonGoal(facts: Facts, value: JsonObject): DaemonGoal {
  const text = daemonText(value)
  return { value, text, isOpen: isOpen(facts, file(placesOf(facts.init).daemonJson, text, '')) }
}

/** The daemon.json that is there, to the letter. */
export function presentDaemon(facts: Facts): DaemonGoal {
  return {
    value: parseDaemon(facts.daemonJson, placesOf(facts.init).daemonJson),
    text: facts.daemonJson === '' ? '{}\n' : `${facts.daemonJson}\n`,
    isOpen: facts.restartUnfinished,
  }
}

const ENGINE_TIMEOUT_S = 180

/** Steps that make the engine run with what is on disk, with as little harm as possible. */
export function engineSteps(input: RestartInput): Step[] {
  const { facts, changed } = input
  const state = facts.engine?.state ?? 'stopped'
  if (state !== 'ready' && facts.restartUnfinished && facts.containers > 0 && !facts.swarm)
    return carryingOn(input)
  if (state === 'stopped') return startSteps(input)
  if (!changed && !facts.restartUnfinished)
    return [...(input.meanwhile ?? []), ...(state === 'starting' ? [waitForEngine(input)] : [])]
  if (facts.swarm) return swarmSteps(input)
  return facts.containers > 0 ? keepingContainers(input) : plainRestart(input)
}

/** Starting what is starting already only waits, and tells why it failed. */
function waitForEngine({ service }: RestartInput): Step {
  return run(service.start, 'wait for the engine', { timeoutS: ENGINE_TIMEOUT_S, evidence: service.log })
}

/** It may have been started since the facts were taken, with its old settings: after a change it is restarted all the same. */
function startSteps({ facts, service, daemon, changed, meanwhile = [] }: RestartInput): Step[] {
  return [
    ...writeDaemon(facts, daemon),
    ...meanwhile,
    ...(facts.engine ? forgive(service) : []),
    run(changed ? service.restart : service.start, 'start the engine', {
      settles: [TAG.engine, TAG.containerd],
      timeoutS: ENGINE_TIMEOUT_S,
      evidence: service.log,
    }),
    ...cleanUp(facts),
  ]
}

function plainRestart({ facts, service, daemon, meanwhile = [] }: RestartInput): Step[] {
  return [...writeDaemon(facts, daemon), ...meanwhile, restartEngine(service), ...cleanUp(facts)]
}

function forgive(service: EngineService): Step[] {
  if (!service.forgive) return []
  return [run(service.forgive, 'forget earlier failures of the engine', { tolerate: true })]
}

function swarmSteps(input: RestartInput): Step[] {
  if (input.force) return plainRestart(input)
  throw new MachineError(
    'provision',
    'The host is in a swarm: restarting its engine also restarts the tasks that run on it',
    { hints: ['Run the command again with --force to do it all the same.'] },
  )
}

/**
 * The engine reads TLS files only at its start, and keeps containers over a restart only with `live-restore`, which it
 * takes over while it runs (design 7). A key that is missing changes nothing in a running engine, so it is put back
 * by an explicit `false` first. What daemon.json was lies beside it meanwhile: facts read that.
 */
function keepingContainers({ facts, service, daemon, force, meanwhile = [] }: RestartInput): Step[] {
  const before = presentDaemon(facts)
  // An address that an earlier run has left must not lose its TLS; one that is not there yet needs none, and docker-machine's
  // engine, which has TLS on its command line, would not read settings that name it as well.
  const isAddressThere = !meanwhile.some((step) => step.kind === 'file')
  const heldBack = isAddressThere ? { ...before.value, ...tlsOf(daemon.value) } : before.value
  const { daemonJson, daemonJsonBefore } = placesOf(facts.init)
  return [
    daemonFile(daemonJsonBefore, before.text, 'remember the engine’s settings'),
    daemonFile(daemonJson, keep(heldBack), 'let containers outlive the engine', [TAG.engine]),
    ...takeOver(service, true, force),
    daemonFile(daemonJson, keep(daemon.value), 'set the engine’s options', [TAG.engine]),
    ...meanwhile,
    restartEngine(service),
    ...putBack(service, daemon, daemonJson),
    { kind: 'remove', path: daemonJsonBefore, why: 'the restart is complete' },
  ]
}

/**
 * Such a restart was cut and the engine does not run, so it cannot be asked to read anything: it is started with the
 * setting still in place, or it would end the containers that have outlived it.
 */
function carryingOn({ facts, service, daemon, meanwhile = [] }: RestartInput): Step[] {
  const { daemonJson, daemonJsonBefore } = placesOf(facts.init)
  return [
    daemonFile(daemonJson, keep(daemon.value), 'let containers outlive the engine', [TAG.engine]),
    ...meanwhile,
    ...forgive(service),
    restartEngine(service),
    ...putBack(service, daemon, daemonJson),
    { kind: 'remove', path: daemonJsonBefore, why: 'the restart is complete' },
  ]
}

function tlsOf(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key.startsWith('tls')))
}

function keep(value: JsonObject): string {
  return daemonText({ ...value, 'live-restore': true })
}

/** These files carry no tag: the engine has them already. */
function putBack(service: EngineService, { value, text }: DaemonGoal, path: string): Step[] {
  const done = daemonFile(path, text, 'go back to the engine’s own settings')
  if (value['live-restore'] === true) return [done]
  const explicit = daemonText({ ...value, 'live-restore': false })
  return [
    daemonFile(path, explicit, 'let containers end with the engine again'),
    ...takeOver(service, false, true),
    done,
  ]
}

function takeOver(service: EngineService, wanted: boolean, tolerate: boolean): Step[] {
  return [
    run(service.reload, 'have the engine read its settings', { tolerate }),
    run(['sh', '@lib/live-restore.sh', String(wanted)], 'wait until the engine has read its settings', {
      tolerate,
      timeoutS: 60,
      evidence: service.log,
    }),
  ]
}

function restartEngine(service: EngineService): Step {
  return run(service.restart, 'restart the engine', {
    settles: [TAG.engine],
    timeoutS: ENGINE_TIMEOUT_S,
    evidence: service.log,
  })
}

function cleanUp(facts: Facts): Step[] {
  return facts.restartUnfinished
    ? [
        {
          kind: 'remove',
          path: placesOf(facts.init).daemonJsonBefore,
          why: 'the earlier restart is complete',
        },
      ]
    : []
}

function daemonFile(path: string, text: string, why: string, tags?: readonly string[]): FileStep {
  return { ...file(path, text, why), keepMode: true, ...(tags ? { tags } : {}) }
}

function writeDaemon(facts: Facts, { text, isOpen }: DaemonGoal): Step[] {
  if (!isOpen) return []
  return [daemonFile(placesOf(facts.init).daemonJson, text, 'set the engine’s options', [TAG.engine])]
}
