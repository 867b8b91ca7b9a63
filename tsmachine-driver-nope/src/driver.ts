import {
  ConfigReader,
  madeResource,
  makeResource,
  pending,
  removeResources,
  statesByAccount,
  waitFor,
  type DriverDeps,
  type DriverEvent,
  type DriverMachine,
  type DriverWork,
  type JsonObject,
  type MadeThing,
  type StateReport,
} from 'tsmachine/driver'
import { Api, type Server } from './api.js'

const BOOT_MS = 300_000
const POWER_MS = 120_000

/** The working half. Whoever calls it records each event before asking for the next one. */
export function openDriver({ clock }: DriverDeps): DriverWork {
  const apiOf = (config: JsonObject): Api => new Api(new ConfigReader(config), clock)

  /** Waits until the server is in a state. */
  async function reached(
    { config, id }: Pick<DriverMachine, 'config' | 'id'>,
    state: Server['state'],
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<Server> {
    return await waitFor(
      `the server to be ${state}`,
      async (inner) => {
        const server = await apiOf(config).find(id, inner)
        return server?.state === state ? server : pending(server ? `it is ${server.state}` : 'it is gone')
      },
      { deadlineMs, signal, clock },
    )
  }

  async function* power(
    machine: DriverMachine,
    verb: 'start' | 'stop' | 'kill',
    signal: AbortSignal,
  ): AsyncGenerator<DriverEvent, void, void> {
    const server = await apiOf(machine.config).find(machine.id, signal)
    if (!server) throw new Error('the server is gone')
    await apiOf(machine.config).act(server.id, verb, signal)
    const now = await reached(machine, verb === 'start' ? 'running' : 'stopped', POWER_MS, signal)
    // The provider may have given it another address.
    const recorded = machine.resources.find(({ kind }) => kind === 'server')
    if (recorded && verb === 'start') yield { type: 'made', resource: madeResource(recorded, thing(now)) }
  }

  return {
    async preflight({ config }, signal) {
      const read = new ConfigReader(config)
      const regions = await apiOf(config).regions(signal)
      if (regions.includes(read.string('region'))) return []
      return [
        {
          message: `there is no region "${read.string('region')}"`,
          hint: `Choose with --nope-region one of ${regions.join(', ')}.`,
        },
      ]
    },

    async *create({ machine, config, resources, tags, seed }, signal) {
      signal.throwIfAborted()
      const api = apiOf(config)
      const read = new ConfigReader(config)
      const key = `tsmachine-${machine.id.slice(0, 8)}`
      const wanted = {
        name: machine.name,
        region: read.string('region'),
        size: read.string('size'),
        userData: seed?.userData ?? '',
        tags,
      }
      const server = yield* makeResource(
        resources,
        { kind: 'server', key, tags },
        {
          find: async () => optional(await api.find(machine.id, signal)),
          make: async () => thing(await api.create(wanted, signal)),
        },
      )
      yield { type: 'progress', text: 'Waiting for the server' }
      const running = await reached({ config, id: machine.id }, 'running', BOOT_MS, signal)
      yield { type: 'made', resource: madeResource(server, thing(running)) }
    },

    /** One list call for all machines of an account. */
    states: (machines, signal) =>
      statesByAccount(
        machines,
        ({ config }) => Api.account(new ConfigReader(config)),
        async (together) => {
          const [first] = together
          const servers = first ? await apiOf(first.config).list(signal) : []
          return together.map(({ id }) =>
            report(
              id,
              servers.find(({ tags }) => tags['tsmachine-id'] === id),
            ),
          )
        },
      ),

    start: (machine, _image, signal) => power(machine, 'start', signal),
    stop: (machine, signal) => power(machine, 'stop', signal),
    kill: (machine, signal) => power(machine, 'kill', signal),

    /** By tag, not by the recorded id: a create may have died between the call and the record. */
    async *remove(machine, signal) {
      signal.throwIfAborted()
      const api = apiOf(machine.config)
      yield* removeResources(machine.resources, {
        server: async () => {
          const server = await api.find(machine.id, signal)
          if (server) await api.remove(server.id, signal)
        },
      })
    },
  }
}

/** What the record keeps of a server: tsmachine reaches it at `address`. */
function thing({ id, address }: Server): MadeThing {
  return { id, attributes: { address } }
}

function optional(server: Server | undefined): MadeThing | undefined {
  return server && thing(server)
}

const STATES = { starting: 'Starting', running: 'Running', stopped: 'Stopped' } as const

function report(id: string, server: Server | undefined): StateReport {
  if (!server) return { id, state: 'Error', error: 'the server is gone' }
  return { id, state: STATES[server.state], address: server.address }
}
