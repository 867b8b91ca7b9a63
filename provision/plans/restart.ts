import { MachineError } from '../../src/contracts/errors.js'
import type { JsonObject } from '../../src/contracts/json.js'
import type { Facts, Step } from '../../src/contracts/provision.js'
import { daemonText, parseDaemon } from './daemon-json.js'
import { DAEMON_JSON, DAEMON_JSON_BEFORE } from './places.js'
import type { EngineService } from './services.js'
import { file, type FileStep, openFiles, run, TAG } from './steps.js'

/** What decides how the engine takes over what changed. */
export interface RestartInput {
  readonly facts: Facts
  readonly service: EngineService
  /** daemon.json as it should be in the end. */
  readonly daemon: JsonObject
  /** Something that the engine reads only at its start has changed, now or in a run that was cut. */
  readonly changed: boolean
  readonly force: boolean
}

const ENGINE_TIMEOUT_S = 180

/** Steps that make the engine run with what is on disk, with as little harm as possible. */
export function engineSteps(input: RestartInput): Step[] {
  if (!input.facts.engine?.running) return startSteps(input)
  if (!input.changed && !input.facts.restartUnfinished) return []
  if (input.facts.swarm) return swarmSteps(input)
  return input.facts.containers > 0 ? keepingContainers(input) : plainRestart(input)
}

/** An engine that was starting while the facts were gathered would keep its old settings: restart if anything changed. */
function startSteps({ facts, service, daemon, changed }: RestartInput): Step[] {
  const restart = facts.daemonJson !== '' && changed
  return [
    ...writeDaemon(facts, daemon),
    run(restart ? service.restart : service.start, 'start the engine', {
      settles: [TAG.engine, TAG.containerd],
      timeoutS: ENGINE_TIMEOUT_S,
      evidence: service.log,
    }),
    ...cleanUp(facts),
  ]
}

function plainRestart({ facts, service, daemon }: RestartInput): Step[] {
  return [...writeDaemon(facts, daemon), restartEngine(service), ...cleanUp(facts)]
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
function keepingContainers({ facts, service, daemon, force }: RestartInput): Step[] {
  const before = parseDaemon(facts.daemonJson)
  const keeps = daemon['live-restore'] === true
  return [
    daemonFile(DAEMON_JSON_BEFORE, before, 'remember the engine’s settings'),
    daemonFile(DAEMON_JSON, { ...before, 'live-restore': true }, 'let containers outlive the engine', [
      TAG.engine,
    ]),
    ...takeOver(service, true, force),
    daemonFile(DAEMON_JSON, { ...daemon, 'live-restore': true }, 'set the engine’s options', [TAG.engine]),
    restartEngine(service),
    ...(keeps ? [] : putBack(service, daemon)),
    { kind: 'remove', path: DAEMON_JSON_BEFORE, why: 'the restart is complete' },
  ]
}

/** These files carry no tag: the engine has them already. */
function putBack(service: EngineService, daemon: JsonObject): Step[] {
  const explicit = { ...daemon, 'live-restore': false }
  return [
    daemonFile(DAEMON_JSON, explicit, 'go back to the engine’s own settings'),
    ...takeOver(service, false, true),
    daemonFile(DAEMON_JSON, daemon, 'go back to the engine’s own settings'),
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
    ? [{ kind: 'remove', path: DAEMON_JSON_BEFORE, why: 'the earlier restart is complete' }]
    : []
}

function daemonFile(path: string, value: JsonObject, why: string, tags?: readonly string[]): FileStep {
  return { ...file(path, daemonText(value), why), keepMode: true, ...(tags ? { tags } : {}) }
}

function writeDaemon(facts: Facts, value: JsonObject): Step[] {
  return openFiles(facts, [daemonFile(DAEMON_JSON, value, 'set the engine’s options', [TAG.engine])])
}

/** daemon.json would change: that too needs a restart. */
export function isDaemonOpen(facts: Facts, daemon: JsonObject): boolean {
  return writeDaemon(facts, daemon).length > 0
}
