import { isIP } from 'node:net'
import type { Json, JsonObject } from '../../../src/contracts/json.js'
import type { Handler } from '../cloud/double.js'
import { Refusal, text } from '../cloud/http.js'
import { Power } from '../cloud/power.js'
import { actionJson, list } from './answers.js'
import {
  datacenterJson,
  type Image,
  IMAGES,
  imageJson,
  type Location,
  locationJson,
  LOCATIONS,
  SERVER_TYPES,
  type ServerType,
  serverTypeJson,
} from './catalog.js'
import { applyFirewallsTo, firewallsOf } from './firewall-rules.js'
import { labelsOf } from './labels.js'
import { placementGroupJson } from './placement-groups.js'
import { found, type Key, locked, type Project, type Server, uniqueName } from './state.js'
import { invalid } from './words.js'

interface ServerRequest {
  readonly name: string
  readonly server_type: string | number
  readonly image: string | number
  readonly location?: string | number
  readonly datacenter?: string | number
  readonly start_after_create?: boolean
  readonly placement_group?: number
  readonly ssh_keys?: readonly (string | number)[]
  readonly volumes?: readonly number[]
  readonly networks?: readonly number[]
  readonly firewalls?: readonly { readonly firewall: number }[]
  readonly user_data?: string
  readonly labels?: JsonObject
  readonly public_net?: {
    readonly enable_ipv4?: boolean
    readonly enable_ipv6?: boolean
    readonly ipv4?: number | null
    readonly ipv6?: number | null
  }
}

const USER_DATA_LIMIT = 32 * 1024
/** A host name as RFC 1123 has it. */
const NAME =
  /^(?=.{1,253}$)[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/

export function serverHandlers(project: Project): Record<string, Handler> {
  return {
    list_servers: ({ query }) => {
      const states = query.getAll('status')
      const all = [...project.servers.values()].filter(
        (server) => states.length === 0 || states.includes(statusOf(server)),
      )
      return list('servers', all, (server) => serverJson(project, server), query)
    },
    get_server: ({ params }) => ({
      status: 200,
      body: { server: serverJson(project, project.server(params['id'])) },
    }),
    create_server: ({ body }) => create(project, body as unknown as ServerRequest),
    update_server: ({ params, body }) => {
      const server = project.server(params['id'])
      if (body['name'] !== undefined) server.name = checkedName(project, text(body, 'name'), server)
      if (body['labels'] !== undefined) server.labels = labelsOf(body['labels'])
      applyFirewallsTo(project, server)
      return { status: 200, body: { server: serverJson(project, server) } }
    },
    delete_server: ({ params }) => ({
      status: 200,
      body: { action: actionJson(remove(project, project.server(params['id']))) },
    }),
  }
}

function checkedName(project: Project, name: string, self?: Server): string {
  if (!NAME.test(name)) throw invalid('name', 'must be a valid hostname')
  uniqueName(project.servers.values(), name, 'server name', self)
  return name
}

interface Wanted {
  readonly request: ServerRequest
  readonly type: ServerType
  readonly image: Image
  readonly location: Location
  readonly keys: readonly Key[]
}

function check(project: Project, request: ServerRequest): Wanted {
  checkedName(project, request.name)
  const type = SERVER_TYPES.find((one) => isNamed(one, request.server_type))
  if (!type) throw invalid('server_type', `server type '${request.server_type}' not found`)
  const image = imageOf(request.image, type)
  const location = locationOf(request)
  if (type.retired || !type.locations.includes(location.name))
    throw new Refusal(422, 'invalid_input', 'unsupported location for server type')
  if (Buffer.byteLength(request.user_data ?? '') > USER_DATA_LIMIT)
    throw invalid('user_data', 'Length must be between 0 and 32768.')
  const { conditions, servers } = project
  if (servers.size >= conditions.quota)
    throw new Refusal(403, 'resource_limit_exceeded', 'server limit exceeded')
  if (servers.size >= conditions.capacity)
    throw new Refusal(412, 'resource_unavailable', 'error during placement')
  checkParts(project, request)
  return { request, type, image, location, keys: keysOf(project, request.ssh_keys ?? []) }
}

function isNamed(
  one: { readonly id: number; readonly name: string | null },
  wanted: string | number,
): boolean {
  return one.name === wanted || `${one.id}` === `${wanted}`
}

/** An image of that name for the type's processors, or the one of that id. */
function imageOf(wanted: string | number, { architecture }: ServerType): Image {
  const image =
    IMAGES.find((one) => one.name === wanted && one.architecture === architecture) ??
    IMAGES.find((one) => `${one.id}` === `${wanted}`)
  if (!image) throw invalid('image', `image '${wanted}' not found`)
  if (image.architecture !== architecture)
    throw new Refusal(422, 'invalid_input', 'image architecture does not match the server type')
  return image
}

function locationOf({ location, datacenter }: ServerRequest): Location {
  if (location !== undefined && datacenter !== undefined)
    throw new Refusal(422, 'invalid_input', 'only one of location and datacenter may be given')
  const [first] = LOCATIONS
  const wanted = LOCATIONS.find((one) =>
    datacenter === undefined ? isNamed(one, location ?? 'fsn1') : isNamed(one.datacenter, datacenter),
  )
  if (!first || !wanted) throw invalid('location', `location '${location ?? datacenter ?? ''}' not found`)
  return wanted
}

function checkParts(project: Project, request: ServerRequest): void {
  labelsOf(request.labels)
  for (const { firewall } of request.firewalls ?? []) found(project.firewalls, firewall, 'firewall')
  for (const network of request.networks ?? []) found(project.networks, network, 'network')
  for (const id of request.volumes ?? []) {
    if (found(project.volumes, id, 'volume').server !== undefined)
      throw new Refusal(422, 'volume_already_attached', 'volume is already attached')
  }
  const { ipv4, ipv6, enable_ipv4 = true, enable_ipv6 = true } = request.public_net ?? {}
  for (const id of [ipv4, ipv6])
    if (id !== null && id !== undefined && found(project.primaryIps, id, 'primary_ip').server !== undefined)
      throw new Refusal(422, 'primary_ip_assigned', 'primary IP is already assigned')
  if (!enable_ipv4 && !enable_ipv6 && (request.networks ?? []).length === 0)
    throw invalid('public_net', 'either public or private networking must be enabled')
  const group = request.placement_group
  if (group === undefined) return
  const { id } = found(project.placementGroups, group, 'placement_group')
  if ([...project.servers.values()].filter((server) => server.placementGroup === id).length >= 10)
    throw new Refusal(422, 'placement_error', 'placement group is full')
}

function keysOf(project: Project, wanted: readonly (string | number)[]): readonly Key[] {
  return wanted.map((key) => {
    const one = [...project.keys.values()].find((candidate) => isNamed(candidate, key))
    if (!one) throw invalid('ssh_keys', `SSH key '${key}' not found`)
    return one
  })
}

function create(project: Project, request: ServerRequest): ReturnType<Handler> {
  const wanted = check(project, request)
  const server = make(project, wanted)
  attachParts(project, request, server)
  applyFirewallsTo(project, server)
  const at = { id: server.id, type: 'server' }
  const action = project.begin('create_server', at)
  const start = request.start_after_create ?? true
  const started = start ? [project.begin('start_server', at)] : []
  project.timeline.after(project.times.boot / 2, () => {
    project.end(action)
    server.phase = start ? 'starting' : 'made'
  })
  if (start)
    server.power.boot((failed) => {
      server.phase = 'made'
      for (const one of started) project.end(one, failed)
    })
  return {
    status: 201,
    body: {
      server: serverJson(project, server),
      action: actionJson(action),
      next_actions: started.map(actionJson),
      root_password: wanted.keys.length > 0 ? null : 'YItygq1v3GYjjMomLaKc',
    },
  }
}

function make(project: Project, { request, type, image, location, keys }: Wanted): Server {
  const named = project.named(request.name, labelsOf(request.labels))
  const guest = project.guests().make({
    ...{ id: `${named.id}`, name: request.name, userData: request.user_data ?? '' },
    publicKeys: keys.map(({ public_key }) => public_key),
  })
  const { timeline, conditions, times } = project
  const server: Server = {
    ...named,
    ...{ type, image, location, phase: 'initializing', protected: false },
    power: new Power(guest, timeline, conditions, times),
    placementGroup: request.placement_group,
    networks: new Map(),
  }
  project.servers.set(server.id, server)
  return server
}

function attachParts(project: Project, request: ServerRequest, server: Server): void {
  for (const { firewall } of request.firewalls ?? []) project.firewalls.get(firewall)?.servers.add(server.id)
  for (const id of request.volumes ?? []) found(project.volumes, id, 'volume').server = server.id
  for (const network of request.networks ?? []) join(project, server, network)
  const net = request.public_net ?? {}
  for (const type of ['ipv4', 'ipv6'] as const) {
    const given = net[type]
    if (given !== null && given !== undefined)
      found(project.primaryIps, given, 'primary_ip').server = server.id
    else if (net[`enable_${type}`] ?? true) {
      const named = project.named(`primary_ip-${project.nextId()}`, {})
      const ip = type === 'ipv4' ? undefined : `2001:db8:${(server.id % 65_536).toString(16)}::/64`
      const own = { ...named, type, ip, location: server.location, autoDelete: true, server: server.id }
      project.primaryIps.set(own.id, own)
    }
  }
}

export function join(project: Project, server: Server, network: number, ip?: string): void {
  const { ipRange } = found(project.networks, network, 'network')
  const [a = '10', b = '0'] = ipRange.split('.')
  server.networks.set(
    network,
    ip !== undefined && isIP(ip) === 4 ? ip : `${a}.${b}.0.${2 + (server.id % 250)}`,
  )
}

function remove(project: Project, server: Server): ReturnType<Project['begin']> {
  if (server.protected) throw new Refusal(423, 'protected', 'server deletion is protected')
  if (server.power.busy || server.phase === 'deleting') throw locked('server')
  server.phase = 'deleting'
  void server.power.guest.end()
  const action = project.begin('delete_server', { id: server.id, type: 'server' })
  project.timeline.after(project.times.remove, () => {
    project.servers.delete(server.id)
    for (const { servers } of project.firewalls.values()) servers.delete(server.id)
    for (const volume of project.volumes.values()) if (volume.server === server.id) volume.server = undefined
    for (const ip of [...project.primaryIps.values()].filter((one) => one.server === server.id)) {
      ip.server = undefined
      if (ip.autoDelete) project.primaryIps.delete(ip.id)
    }
    project.end(action)
  })
  return action
}

export function statusOf({ phase, power }: Server): string {
  if (phase !== 'made') return phase
  return power.running ? 'running' : 'off'
}

export function serverJson(project: Project, server: Server): JsonObject {
  const { id, name, created, labels, type, image, location, power } = server
  return {
    ...{ id, name, created, labels, status: statusOf(server), locked: power.busy },
    ...{ public_net: publicNet(project, server), private_net: privateNet(server) },
    ...{ server_type: serverTypeJson(type), image: imageJson(image), iso: null },
    ...{ datacenter: datacenterJson(location), location: locationJson(location) },
    ...{ rescue_enabled: false, backup_window: null, primary_disk_size: type.disk, load_balancers: [] },
    ...{ outgoing_traffic: 0, ingoing_traffic: 0, included_traffic: 21_990_232_555_520 },
    protection: { delete: server.protected, rebuild: server.protected },
    volumes: [...project.volumes.values()].filter((one) => one.server === id).map((one) => one.id),
    placement_group:
      server.placementGroup === undefined
        ? null
        : placementGroupJson(
            project,
            found(project.placementGroups, server.placementGroup, 'placement_group'),
          ),
  }
}

function publicNet(project: Project, server: Server): JsonObject {
  const own = [...project.primaryIps.values()].filter((one) => one.server === server.id)
  const net = (type: 'ipv4' | 'ipv6', dns: Json): Json => {
    const ip = own.find((one) => one.type === type)
    return ip ? { id: ip.id, ip: ip.ip ?? server.power.guest.address, blocked: false, dns_ptr: dns } : null
  }
  return {
    ...{ ipv4: net('ipv4', 'static.example.com'), ipv6: net('ipv6', []), floating_ips: [] },
    firewalls: firewallsOf(project, server).map(({ id }) => ({ id, status: 'applied' })),
  }
}

function privateNet({ networks, id }: Server): Json {
  return [...networks].map(([network, ip]) => ({
    ...{
      network,
      ip,
      alias_ips: [],
      mac_address: `86:00:ff:2a:7d:${(id % 256).toString(16).padStart(2, '0')}`,
    },
  }))
}
