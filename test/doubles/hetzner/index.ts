import type { Json, JsonObject } from '../../../src/contracts/json.js'
import { Description } from '../cloud/description.js'
import { CloudDouble, type DoubleOptions, type Handler } from '../cloud/double.js'
import type { Refusal } from '../cloud/http.js'
import { LeakyBucket } from '../cloud/rate-limit.js'
import { reachablePorts } from './firewall-rules.js'
import { firewallHandlers } from './firewalls.js'
import { placementGroupHandlers } from './placement-groups.js'
import {
  catalogHandlers,
  keyHandlers,
  networkHandlers,
  primaryIpHandlers,
  volumeHandlers,
} from './resources.js'
import { serverActionHandlers } from './server-actions.js'
import { serverHandlers } from './servers.js'
import { Project } from './state.js'
import { WORDS } from './words.js'

export { TOKEN } from '../cloud/double.js'

const ID_OR_NAME = { anyOf: [{ type: 'string' }, { type: 'integer' }] }

/**
 * What the vendor's own command line client sends and the live service takes, but the document does not know: ids as
 * numbers in the request for a server, and pages of actions.
 */
function mend(document: JsonObject): void {
  const at = (...path: string[]): Record<string, Json> =>
    path.reduce<Record<string, Json>>((node, key) => node[key] as Record<string, Json>, { ...document })
  const schema = at('paths', '/servers', 'post', 'requestBody', 'content', 'application/json', 'schema')
  const properties = schema['properties'] as Record<string, Json>
  for (const key of ['image', 'server_type', 'location', 'datacenter']) properties[key] = ID_OR_NAME
  properties['ssh_keys'] = { type: 'array', items: ID_OR_NAME }
  const actions = at('paths', '/actions', 'get')
  const pages = ['page', 'per_page'].map((name) => ({ name, in: 'query', schema: { type: 'integer' } }))
  actions['parameters'] = [...(actions['parameters'] as Json[]), ...pages]
}

/** A server that answers like Hetzner's Cloud API. */
export class HetznerDouble extends CloudDouble {
  readonly project: Project
  protected readonly handlers: Readonly<Record<string, Handler>>
  protected readonly limit: LeakyBucket
  protected readonly words = WORDS

  private constructor(description: Description, options: DoubleOptions) {
    super(description, options)
    const { timeline, conditions, times, violations } = this
    this.project = new Project(timeline, conditions, times, () => this.guests, violations)
    this.limit = new LeakyBucket(timeline.clock, { size: 3600, perSecond: 1 })
    const parts = [
      ...[keyHandlers, serverHandlers, serverActionHandlers, firewallHandlers],
      ...[volumeHandlers, networkHandlers, primaryIpHandlers, placementGroupHandlers],
    ].map((part) => part(this.project))
    this.handlers = Object.assign(catalogHandlers(), ...parts) as Record<string, Handler>
  }

  static async start(options: DoubleOptions = {}): Promise<HetznerDouble> {
    const double = new HetznerDouble(await Description.load('hetzner.json', '/v1', mend), options)
    await double.listen()
    return double
  }

  /** With /v1, as HCLOUD_ENDPOINT has it. */
  get url(): string {
    return `${this.origin}/v1`
  }

  inventory(): readonly string[] {
    this.timeline.settle()
    const { servers, keys, firewalls, volumes, networks, primaryIps, placementGroups } = this.project
    const kinds = {
      server: servers,
      'ssh key': keys,
      firewall: firewalls,
      volume: volumes,
      network: networks,
    }
    return Object.entries({ ...kinds, 'primary ip': primaryIps, 'placement group': placementGroups }).flatMap(
      ([kind, all]) => [...all.values()].map(({ id, name }) => `${kind} ${name} (${id})`),
    )
  }

  /** Ports of a server that its firewalls open to an address. */
  reachable(name: string, caller: string): readonly number[] {
    const server = [...this.project.servers.values()].find((one) => one.name === name)
    if (!server) throw new Error(`there is no server ${name}`)
    return reachablePorts(this.project, server, caller)
  }

  protected refusalBody({ code, message, details }: Refusal): Json {
    return { error: { code, message, details: details ?? null } }
  }
}
