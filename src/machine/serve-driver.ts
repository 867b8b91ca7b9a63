/** A driver of ours as the other side of docker-machine's plugin protocol. */
import { isMachineError, MachineError } from '../contracts/errors.js'
import type { Report } from '../contracts/events.js'
import type { MachineState } from '../contracts/state.js'
import {
  API_VERSION,
  PLUGIN_STATES,
  type PluginHandlers,
  type PluginMethod,
} from '../drivers/plugin/wire/plugin-api.js'
import type { OpenMachine } from './open.js'
import { servedFlags } from './serve-flags.js'
import { ServedMachine, type ServeOptions } from './served-machine.js'

/** What the process around the driver does at these calls. */
export interface ServeEvents {
  heartbeat(): void
  close(): void
  /** What an error holds besides its message has no place in the protocol: it becomes lines of the log. */
  readonly report: Report
}

/** @returns what each call of the protocol does; errors have the texts that a host shows */
export function serveDriver(options: ServeOptions, events: ServeEvents): PluginHandlers {
  const machine = new ServedMachine(options)
  return inHostsWords({ ...lifeOf(events), ...factsOf(machine, options), ...verbsOf(machine) }, events.report)
}

const done = async (work: void | Promise<void>): Promise<undefined> => {
  await work
  return undefined
}

function lifeOf(events: ServeEvents): Pick<PluginHandlers, 'GetVersion' | 'Heartbeat' | 'Close'> {
  return {
    GetVersion: () => Promise.resolve(API_VERSION),
    Heartbeat: () => done(events.heartbeat()),
    Close: () => done(events.close()),
  }
}

type Verb = 'PreCreateCheck' | 'Create' | 'Remove' | 'Start' | 'Stop' | 'Restart' | 'Kill'
type Change = Verb | 'SetConfigRaw' | 'SetConfigFromFlags'

function verbsOf(machine: ServedMachine): Pick<PluginHandlers, Change> {
  return {
    SetConfigRaw: async (json) => done(machine.load(json)),
    SetConfigFromFlags: (values) => done(machine.plan(values)),
    PreCreateCheck: () => done(machine.check()),
    Create: () => done(machine.create()),
    Remove: () => done(machine.remove()),
    Start: () => done(machine.start()),
    Stop: () => done(machine.stop('stop')),
    Restart: () => done(machine.restart()),
    Kill: () => done(machine.stop('kill')),
  }
}

function factsOf(
  machine: ServedMachine,
  { factory }: ServeOptions,
): Omit<PluginHandlers, Change | 'GetVersion' | 'Heartbeat' | 'Close'> {
  return {
    GetCreateFlags: () => Promise.resolve(servedFlags(factory.flags)),
    GetConfigRaw: async () => Promise.resolve(machine.state()),
    DriverName: () => Promise.resolve(machine.driverName),
    GetMachineName: () => Promise.resolve(machine.name),
    GetIP: async () => addressOf(await machine.open()),
    GetURL: async () => await urlOf(machine),
    GetSSHHostname: async () => ssh(await machine.open()).host,
    GetSSHPort: async () => ssh(await machine.open()).port,
    GetSSHUsername: async () => userOf(await machine.open()),
    GetSSHKeyPath: async () => (await machine.open()).ledger.ssh?.keyPath ?? '',
    GetState: async () => numberOf(await machine.powerState()),
  }
}

/** `Host is not running` is the one error text that has a meaning. */
function notRunning(): MachineError {
  return new MachineError('not-running', 'Host is not running')
}

function addressOf({ driver, machine }: OpenMachine): string {
  const state = driver.localState?.(machine)
  if (state !== undefined && state !== 'Running') throw notRunning()
  const { address } = driver.endpoint(machine)
  if (address === '') throw new MachineError('driver', 'The machine has no address yet')
  return address
}

async function urlOf(machine: ServedMachine): Promise<string> {
  const open = await machine.open()
  const { url, engine } = open.driver.endpoint(open.machine)
  if (url !== undefined) return url
  const local = open.driver.localState?.(open.machine)
  if ((local ?? (await machine.powerState())) !== 'Running') throw notRunning()
  return `tcp://${engine.host.includes(':') ? `[${engine.host}]` : engine.host}:${engine.port}`
}

function ssh({ driver, machine, name }: OpenMachine): { host: string; port: number; user: string } {
  const endpoint = driver.endpoint(machine).ssh
  if (endpoint) return endpoint
  throw new MachineError('ssh', `"${name}" has no SSH`, { machine: name })
}

function userOf(open: OpenMachine): string {
  return open.ledger.ssh?.user ?? ssh(open).user
}

function numberOf(state: MachineState): number {
  return Math.max(
    0,
    PLUGIN_STATES.findIndex((name) => name === state),
  )
}

/** What a host puts in front of faults of the flags, and we as well. */
const FRAME = 'Error setting machine configuration from flags provided: '

/** Every handler with its errors as one text; hints and what was last seen go into the log. */
function inHostsWords(handlers: PluginHandlers, report: Report): PluginHandlers {
  const spoken = Object.entries(handlers).map(([method, handler]) => [
    method,
    async (argument: never) => {
      try {
        return await (handler as (argument: never) => Promise<unknown>)(argument)
      } catch (error) {
        throw hostError(error, method as PluginMethod, report)
      }
    },
  ])
  return Object.fromEntries(spoken) as PluginHandlers
}

function hostError(error: unknown, method: PluginMethod, report: Report): Error {
  if (!isMachineError(error)) return error instanceof Error ? error : new Error(String(error))
  if (error.evidence !== undefined) report({ type: 'debug', text: error.evidence })
  if (!/^[GS]et/.test(method)) for (const text of error.hints) report({ type: 'info', text })
  const text = error.message.startsWith(FRAME) ? error.message.slice(FRAME.length) : error.message
  return new Error(text, { cause: error })
}
