import type { Json, JsonObject } from '../../../src/contracts/json.js'
import { fingerprintOf } from '../cloud/fingerprint.js'
import type { Handler } from '../cloud/double.js'
import { nextAddress } from '../cloud/guest.js'
import { Refusal, text } from '../cloud/http.js'
import { acted, actionJson, list } from './answers.js'
import {
  datacenterJson,
  IMAGES,
  imageJson,
  type Location,
  locationJson,
  LOCATIONS,
  pricingJson,
  SERVER_TYPES,
  serverTypeJson,
} from './catalog.js'
import { labelsOf } from './labels.js'
import {
  found,
  type Key,
  type Network,
  type PrimaryIp,
  type Project,
  uniqueName,
  type Volume,
} from './state.js'
import { inUse, invalid, taken } from './words.js'

export function catalogHandlers(): Record<string, Handler> {
  const byId = <T extends { id: number }>(all: readonly T[]): Map<number, T> =>
    new Map(all.map((one) => [one.id, one]))
  const datacenters = LOCATIONS.map((location) => ({ ...location.datacenter, location }))
  return {
    list_locations: ({ query }) => list('locations', LOCATIONS, locationJson, query),
    get_location: ({ params }) => ({
      status: 200,
      body: { location: locationJson(found(byId(LOCATIONS), params['id'], 'location')) },
    }),
    list_datacenters: ({ query }) =>
      list('datacenters', datacenters, ({ location }) => datacenterJson(location), query, {
        recommendation: 4,
      }),
    get_datacenter: ({ params }) => ({
      status: 200,
      body: { datacenter: datacenterJson(found(byId(datacenters), params['id'], 'datacenter').location) },
    }),
    list_server_types: ({ query }) => list('server_types', SERVER_TYPES, serverTypeJson, query),
    get_server_type: ({ params }) => ({
      status: 200,
      body: { server_type: serverTypeJson(found(byId(SERVER_TYPES), params['id'], 'server_type')) },
    }),
    list_images: ({ query }) => {
      const [types, architecture] = [query.getAll('type'), query.get('architecture')]
      const fitting = IMAGES.filter(
        (image) =>
          (types.length === 0 || types.includes(image.type)) &&
          (architecture === null || image.architecture === architecture) &&
          (image.deprecated !== true || query.get('include_deprecated') === 'true'),
      )
      return list('images', fitting, imageJson, query)
    },
    get_image: ({ params }) => ({
      status: 200,
      body: { image: imageJson(found(byId(IMAGES), params['id'], 'image')) },
    }),
    list_isos: ({ query }) => list('isos', [], () => null, query),
    get_pricing: () => ({ status: 200, body: { pricing: pricingJson() } }),
  }
}

export function keyHandlers(project: Project): Record<string, Handler> {
  const all = project.keys
  const form = (key: Key): Json => ({ ...key })
  const at = (params: Readonly<Record<string, string>>): Key => found(all, params['id'], 'ssh_key')
  return {
    list_ssh_keys: ({ query }) => {
      const fingerprint = query.get('fingerprint')
      const fitting = [...all.values()].filter(
        (key) => fingerprint === null || key.fingerprint === fingerprint,
      )
      return list('ssh_keys', fitting, form, query)
    },
    get_ssh_key: ({ params }) => ({ status: 200, body: { ssh_key: form(at(params)) } }),
    create_ssh_key: ({ body }) => {
      const key = makeKey(project, body)
      all.set(key.id, key)
      return { status: 201, body: { ssh_key: form(key) } }
    },
    update_ssh_key: ({ params, body }) => {
      const key = at(params)
      if (body['name'] !== undefined) {
        uniqueName(all.values(), text(body, 'name'), 'SSH key name', key)
        key.name = text(body, 'name')
      }
      if (body['labels'] !== undefined) key.labels = labelsOf(body['labels'])
      return { status: 200, body: { ssh_key: form(key) } }
    },
    delete_ssh_key: ({ params }) => {
      all.delete(at(params).id)
      return { status: 204 }
    },
  }
}

function makeKey(project: Project, body: JsonObject): Key {
  const publicKey = text(body, 'public_key').trim()
  const fingerprint = fingerprintOf(publicKey)
  if (fingerprint === undefined) throw invalid('public_key', 'is not a valid SSH public key')
  uniqueName(project.keys.values(), text(body, 'name'), 'SSH key name')
  if ([...project.keys.values()].some((key) => key.fingerprint === fingerprint))
    throw taken('SSH key with the same fingerprint already exists')
  return {
    ...project.named(text(body, 'name'), labelsOf(body['labels'])),
    ...{ fingerprint, public_key: publicKey },
  }
}

export function volumeHandlers(project: Project): Record<string, Handler> {
  const all = project.volumes
  const at = (params: Readonly<Record<string, string>>): Volume => found(all, params['id'], 'volume')
  const on = ({ id }: Volume, server: number): { id: number; type: string }[] => [
    { id: server, type: 'server' },
    { id, type: 'volume' },
  ]
  return {
    list_volumes: ({ query }) => list('volumes', all.values(), volumeJson, query),
    get_volume: ({ params }) => ({ status: 200, body: { volume: volumeJson(at(params)) } }),
    create_volume: ({ body }) => {
      const volume = makeVolume(project, body)
      all.set(volume.id, volume)
      const next =
        volume.server === undefined ? [] : [project.brief('attach_volume', ...on(volume, volume.server))]
      const action = project.brief('create_volume', { id: volume.id, type: 'volume' })
      return {
        status: 201,
        body: { volume: volumeJson(volume), action: actionJson(action), next_actions: next.map(actionJson) },
      }
    },
    delete_volume: ({ params }) => {
      const volume = at(params)
      if (volume.server !== undefined) throw inUse('volume is attached to a server')
      all.delete(volume.id)
      return { status: 204 }
    },
    attach_volume: ({ params, body }) => {
      const volume = at(params)
      if (volume.server !== undefined)
        throw new Refusal(422, 'volume_already_attached', 'volume is already attached')
      const server = project.server(Number(body['server']))
      if (server.location.name !== volume.location.name)
        throw new Refusal(422, 'invalid_input', 'volume and server must be in the same location')
      volume.server = server.id
      return acted(project.brief('attach_volume', ...on(volume, server.id)))
    },
    detach_volume: ({ params }) => {
      const volume = at(params)
      const action = project.brief('detach_volume', ...on(volume, volume.server ?? 1))
      volume.server = undefined
      return acted(action)
    },
  }
}

function makeVolume(project: Project, body: JsonObject): Volume {
  const size = Number(body['size'])
  if (size < 10 || size > 10_240) throw invalid('size', 'must be between 10 and 10240')
  uniqueName(project.volumes.values(), text(body, 'name'), 'volume name')
  const server = body['server'] === undefined ? undefined : project.server(Number(body['server']))
  return {
    ...project.named(text(body, 'name'), labelsOf(body['labels'])),
    ...{ size, format: text(body, 'format') || null, server: server?.id },
    location: server?.location ?? locationNamed(body['location']),
  }
}

function locationNamed(name: Json | undefined): Location {
  const location = LOCATIONS.find((one) => one.name === name || one.id === name)
  if (!location) throw invalid('location', 'location not found')
  return location
}

function volumeJson({ id, name, labels, created, size, location, format, server }: Volume): JsonObject {
  return {
    ...{ id, name, labels, created, size, format, server: server ?? null, status: 'available' },
    ...{ location: locationJson(location), protection: { delete: false } },
    linux_device: `/dev/disk/by-id/scsi-0HC_Volume_${id}`,
  }
}

export function networkHandlers(project: Project): Record<string, Handler> {
  const all = project.networks
  const servers = (id: number): readonly number[] =>
    [...project.servers.values()].filter(({ networks }) => networks.has(id)).map((server) => server.id)
  const form = ({ id, name, labels, created, ipRange, subnets }: Network): JsonObject => ({
    ...{ id, name, labels, created, ip_range: ipRange, subnets, routes: [], servers: servers(id) },
    ...{ load_balancers: [], protection: { delete: false }, expose_routes_to_vswitch: false },
  })
  return {
    list_networks: ({ query }) => list('networks', all.values(), form, query),
    get_network: ({ params }) => ({
      status: 200,
      body: { network: form(found(all, params['id'], 'network')) },
    }),
    create_network: ({ body }) => {
      uniqueName(all.values(), text(body, 'name'), 'network name')
      const subnets = ((body['subnets'] ?? []) as readonly JsonObject[]).map((subnet) => ({
        ...{ ip_range: text(body, 'ip_range'), gateway: '10.0.0.1', vswitch_id: null },
        ...subnet,
      }))
      const network = {
        ...project.named(text(body, 'name'), labelsOf(body['labels'])),
        ...{ ipRange: text(body, 'ip_range'), subnets },
      }
      all.set(network.id, network)
      return { status: 201, body: { network: form(network) } }
    },
    delete_network: ({ params }) => {
      const { id } = found(all, params['id'], 'network')
      if (servers(id).length > 0) throw inUse(`network with ID ${id} is still in use`)
      all.delete(id)
      return { status: 204 }
    },
  }
}

export function primaryIpHandlers(project: Project): Record<string, Handler> {
  const all = project.primaryIps
  const at = (params: Readonly<Record<string, string>>): PrimaryIp => found(all, params['id'], 'primary_ip')
  const form = (ip: PrimaryIp): JsonObject => primaryIpJson(project, ip)
  return {
    list_primary_ips: ({ query }) => list('primary_ips', all.values(), form, query),
    get_primary_ip: ({ params }) => ({ status: 200, body: { primary_ip: form(at(params)) } }),
    create_primary_ip: ({ body }) => {
      const ip = makePrimaryIp(project, body)
      all.set(ip.id, ip)
      return { status: 201, body: { primary_ip: form(ip) } }
    },
    delete_primary_ip: ({ params }) => {
      const ip = at(params)
      if (ip.server !== undefined)
        throw new Refusal(422, 'must_be_unassigned', 'primary IP must be unassigned')
      all.delete(ip.id)
      return { status: 204 }
    },
    assign_primary_ip: ({ params, body }) => {
      const ip = at(params)
      const server = project.server(Number(body['assignee_id']))
      if (server.power.running) throw new Refusal(422, 'server_not_stopped', 'server must be stopped')
      ip.server = server.id
      return acted(project.brief('assign_primary_ip', { id: ip.id, type: 'primary_ip' }))
    },
    unassign_primary_ip: ({ params }) => {
      const ip = at(params)
      if (ip.server !== undefined && project.server(ip.server).power.running)
        throw new Refusal(422, 'server_not_stopped', 'server must be stopped')
      ip.server = undefined
      return acted(project.brief('unassign_primary_ip', { id: ip.id, type: 'primary_ip' }))
    },
  }
}

function makePrimaryIp(project: Project, body: JsonObject): PrimaryIp {
  uniqueName(project.primaryIps.values(), text(body, 'name'), 'primary IP name')
  const assignee = body['assignee_id'] ?? undefined
  const server = assignee === undefined ? undefined : project.server(Number(assignee))
  const dc = LOCATIONS.find(({ datacenter }) => datacenter.name === text(body, 'datacenter'))
  const type = text(body, 'type') === 'ipv6' ? 'ipv6' : 'ipv4'
  return {
    ...project.named(text(body, 'name'), labelsOf(body['labels'])),
    ...{ type, autoDelete: body['auto_delete'] === true, server: server?.id },
    location: server?.location ?? dc ?? locationNamed(body['location']),
    ip: type === 'ipv4' ? nextAddress() : `2001:db8:${project.nextId() % 65_536}::/64`,
  }
}

function primaryIpJson(project: Project, one: PrimaryIp): JsonObject {
  const { id, name, labels, created, type, location, autoDelete, server } = one
  return {
    ...{ id, name, labels, created, type, blocked: false, auto_delete: autoDelete, dns_ptr: [] },
    ...{ assignee_type: 'server', assignee_id: server ?? null, protection: { delete: false } },
    ...{ location: locationJson(location), datacenter: datacenterJson(location) },
    ip: one.ip ?? (server === undefined ? '' : project.server(server).power.guest.address),
  }
}
