import { randomUUID } from 'node:crypto'
import type { Json, JsonObject } from '../../../src/contracts/json.js'
import type { Handler } from '../cloud/double.js'
import { text } from '../cloud/http.js'
import { fingerprintOf } from '../cloud/fingerprint.js'
import { nextAddress } from '../cloud/guest.js'
import { actionJson, list } from './answers.js'
import { imageJson, IMAGES, regionJson, REGIONS, sizeJson, SIZES } from './catalog.js'
import { dropletJson } from './droplets.js'
import { applyFirewalls } from './firewall-rules.js'
import { type Account, found, type Key, regionOf, type ReservedIp, type Volume } from './state.js'
import { conflict, notFound, unprocessable } from './words.js'

export function accountHandlers(account: Account): Record<string, Handler> {
  return {
    account_get: () => ({ status: 200, body: { account: accountJson(account) } }),
    regions_list: ({ query, path }) => list('regions', REGIONS, regionJson, query, path),
    sizes_list: ({ query, path }) => list('sizes', SIZES, sizeJson, query, path),
    images_list: ({ query, path }) => {
      const type = query.get('type')
      const own = query.get('private') === 'true'
      const fitting = IMAGES.filter(
        (image) =>
          (type === null || (type === 'application') === (image.application ?? false)) &&
          (!own || !image.public),
      )
      return list('images', fitting, imageJson, query, path)
    },
    images_get: ({ params }) => {
      const wanted = params['image_id'] ?? ''
      const image = IMAGES.find(({ id, slug }) => `${id}` === wanted || slug === wanted)
      return { status: 200, body: { image: imageJson(found(image)) } }
    },
    actions_list: ({ query, path }) =>
      list('actions', [...account.actions.values()].reverse(), actionJson, query, path),
    actions_get: ({ params }) => oneAction(account, params['action_id']),
    dropletActions_get: ({ params }) => oneAction(account, params['action_id'], params['droplet_id']),
    dropletActions_list: ({ params, query, path }) => {
      const of = [...account.actions.values()].filter(
        ({ resource_id }) => `${resource_id}` === params['droplet_id'],
      )
      return list('actions', of.reverse(), actionJson, query, path)
    },
  }
}

function oneAction(account: Account, id = '', of?: string): ReturnType<Handler> {
  const action = found(account.actions.get(Number(id)))
  if (of !== undefined && `${action.resource_id}` !== of) throw notFound()
  return { status: 200, body: { action: actionJson(action) } }
}

function accountJson({ conditions }: Account): JsonObject {
  return {
    ...{ droplet_limit: Number.isFinite(conditions.quota) ? conditions.quota : 5000, floating_ip_limit: 5 },
    ...{ email: 'nobody@example.com', name: 'Nobody', uuid: '0'.repeat(40), email_verified: true },
    ...{ status: 'active', status_message: '', team: { uuid: '1'.repeat(40), name: 'My Team' } },
  }
}

export function keyHandlers(account: Account): Record<string, Handler> {
  const at = (params: Readonly<Record<string, string>>): Key => {
    const wanted = params['ssh_key_identifier'] ?? ''
    return found(
      [...account.keys.values()].find(({ id, fingerprint }) => `${id}` === wanted || fingerprint === wanted),
    )
  }
  const one = (key: Key): Json => ({ ...key })
  return {
    sshKeys_list: ({ query, path }) => list('ssh_keys', [...account.keys.values()], one, query, path),
    sshKeys_create: ({ body }) => {
      const key = makeKey(account, text(body, 'name'), text(body, 'public_key'))
      return { status: 201, body: { ssh_key: one(key) } }
    },
    sshKeys_get: ({ params }) => ({ status: 200, body: { ssh_key: one(at(params)) } }),
    sshKeys_update: ({ params, body }) => {
      const key = at(params)
      key.name = text(body, 'name')
      return { status: 200, body: { ssh_key: one(key) } }
    },
    sshKeys_delete: ({ params }) => {
      account.keys.delete(at(params).id)
      return { status: 204 }
    },
  }
}

function makeKey(account: Account, name: string, publicKey: string): Key {
  const fingerprint = fingerprintOf(publicKey)
  if (fingerprint === undefined)
    throw unprocessable('Key invalid, key should be of the format `ssh-rsa AAA...`')
  if ([...account.keys.values()].some((key) => key.fingerprint === fingerprint))
    throw unprocessable('SSH Key is already in use on your account')
  const key = { id: account.nextId(), fingerprint, public_key: publicKey.trim(), name }
  account.keys.set(key.id, key)
  return key
}

export function tagHandlers(account: Account): Record<string, Handler> {
  const at = (params: Readonly<Record<string, string>>): string => {
    const tag = decodeURIComponent(params['tag_id'] ?? '')
    return found(account.tags.has(tag) ? tag : undefined)
  }
  const each = (body: JsonObject): readonly Set<string>[] =>
    ((body['resources'] ?? []) as readonly { resource_id: string; resource_type: string }[]).map(
      ({ resource_id, resource_type }) =>
        resource_type === 'volume'
          ? found(account.volumes.get(resource_id)).tags
          : account.droplet(resource_id).tags,
    )
  return {
    tags_list: ({ query, path }) =>
      list('tags', [...account.tags], (tag) => tagJson(account, tag), query, path),
    tags_create: ({ body }) => {
      const tag = text(body, 'name')
      account.addTags([tag])
      return { status: 201, body: { tag: tagJson(account, tag) } }
    },
    tags_get: ({ params }) => ({ status: 200, body: { tag: tagJson(account, at(params)) } }),
    tags_delete: ({ params }) => {
      const tag = at(params)
      account.tags.delete(tag)
      for (const { tags } of [...account.droplets.values(), ...account.volumes.values()]) tags.delete(tag)
      for (const { tags } of account.firewalls.values()) tags.delete(tag)
      applyFirewalls(account)
      return { status: 204 }
    },
    tags_assign_resources: ({ params, body }) => {
      const tag = at(params)
      for (const tags of each(body)) tags.add(tag)
      applyFirewalls(account)
      return { status: 204 }
    },
    tags_unassign_resources: ({ params, body }) => {
      const tag = at(params)
      for (const tags of each(body)) tags.delete(tag)
      applyFirewalls(account)
      return { status: 204 }
    },
  }
}

function tagJson({ droplets, volumes }: Account, name: string): JsonObject {
  const of = (all: Iterable<{ tags: Set<string> }>): JsonObject => ({
    count: [...all].filter(({ tags }) => tags.has(name)).length,
  })
  const resources = { droplets: of(droplets.values()), volumes: of(volumes.values()) }
  const count = Number(resources.droplets['count']) + Number(resources.volumes['count'])
  return { name, resources: { count, ...resources, images: { count: 0 } } }
}

export function volumeHandlers(account: Account): Record<string, Handler> {
  const at = (params: Readonly<Record<string, string>>): Volume =>
    found(account.volumes.get(params['volume_id'] ?? ''))
  return {
    volumes_list: ({ query, path }) => {
      const [name, region] = [query.get('name'), query.get('region')]
      const all = [...account.volumes.values()]
      const fitting = all.filter(
        (volume) => (name === null || volume.name === name) && (region === null || volume.region === region),
      )
      return list('volumes', fitting, volumeJson, query, path)
    },
    volumes_get: ({ params }) => ({ status: 200, body: { volume: volumeJson(at(params)) } }),
    volumes_create: ({ body }) => ({ status: 201, body: { volume: volumeJson(makeVolume(account, body)) } }),
    volumes_delete: ({ params }) => {
      const volume = at(params)
      if (volume.droplet !== undefined)
        throw conflict('Cannot delete a volume while it is attached to a Droplet')
      account.volumes.delete(volume.id)
      return { status: 204 }
    },
    volumeActions_post_byId: ({ params, body }) => {
      const volume = at(params)
      const type = text(body, 'type')
      if (type === 'attach') attach(account, volume, Number(body['droplet_id']))
      else volume.droplet = undefined
      const action = account.begin(`${type}_volume`, { id: null, type: 'backend', region: volume.region })
      return { status: 202, body: { action: actionJson(account.endSoon(action)) } }
    },
    volumeActions_get: ({ params }) => oneAction(account, params['action_id']),
  }
}

function attach(account: Account, volume: Volume, droplet: number): void {
  if (volume.droplet !== undefined) throw unprocessable('Volume is already attached to a Droplet')
  if (account.droplet(droplet).region !== volume.region)
    throw unprocessable('Volume and Droplet must be in the same region')
  volume.droplet = droplet
}

function makeVolume(account: Account, body: JsonObject): Volume {
  const [name, region] = [text(body, 'name'), text(body, 'region')]
  const size = Number(body['size_gigabytes'])
  if (!/^[a-z][a-z0-9-]{0,63}$/.test(name)) throw unprocessable('Name is invalid')
  if (size < 1 || size > 16_384) throw unprocessable('Size must be between 1 and 16384')
  if (![...REGIONS].some(({ slug, available }) => slug === region && available))
    throw unprocessable('Region is not available')
  if ([...account.volumes.values()].some((one) => one.name === name && one.region === region))
    throw conflict('Volume name is already in use in this region')
  const tags = (body['tags'] ?? []) as readonly string[]
  account.addTags(tags)
  const volume: Volume = {
    ...{ id: randomUUID(), name, region, size_gigabytes: size, droplet: undefined },
    description: text(body, 'description'),
    filesystem_type: text(body, 'filesystem_type'),
    created_at: account.timeline.now(),
    tags: new Set(tags),
  }
  account.volumes.set(volume.id, volume)
  return volume
}

function volumeJson({ region, tags, droplet, ...volume }: Volume): JsonObject {
  return {
    ...volume,
    ...{ region: regionOf(region), tags: [...tags], filesystem_label: '' },
    droplet_ids: droplet === undefined ? [] : [droplet],
  }
}

export function networkHandlers(account: Account): Record<string, Handler> {
  const at = (params: Readonly<Record<string, string>>): ReservedIp =>
    found(account.reserved.get(params['reserved_ip'] ?? ''))
  const ipJson = ({ ip, region, droplet }: ReservedIp): JsonObject => ({
    ...{ ip, locked: false, region: regionOf(region), project_id: account.defaultProject },
    droplet: droplet === undefined ? null : dropletJson(account, account.droplet(droplet)),
  })
  return {
    reservedIPs_list: ({ query, path }) =>
      list('reserved_ips', [...account.reserved.values()], ipJson, query, path),
    reservedIPs_get: ({ params }) => ({ status: 200, body: { reserved_ip: ipJson(at(params)) } }),
    reservedIPs_create: ({ body }) => {
      const droplet =
        body['droplet_id'] === undefined ? undefined : account.droplet(Number(body['droplet_id']))
      const reserved = {
        ip: nextAddress(),
        region: droplet?.region ?? text(body, 'region'),
        droplet: droplet?.id,
      }
      account.reserved.set(reserved.ip, reserved)
      return { status: 202, body: { reserved_ip: ipJson(reserved), links: {} } }
    },
    reservedIPs_delete: ({ params }) => {
      account.reserved.delete(at(params).ip)
      return { status: 204 }
    },
    reservedIPsActions_post: ({ params, body }) => {
      const reserved = at(params)
      const type = text(body, 'type')
      reserved.droplet = type === 'assign' ? account.droplet(Number(body['droplet_id'])).id : undefined
      const action = account.begin(`${type}_ip`, { id: null, type: 'reserved_ip', region: reserved.region })
      return { status: 201, body: { action: actionJson(account.endSoon(action)) } }
    },
    vpcs_list: ({ query, path }) =>
      list('vpcs', [...account.vpcs.keys()], (id) => vpcJson(account, id), query, path),
    vpcs_get: ({ params }) => ({ status: 200, body: { vpc: vpcJson(account, params['vpc_id'] ?? '') } }),
  }
}

function vpcJson(account: Account, id: string): JsonObject {
  const { slug, index } = found(account.vpcs.get(id))
  return {
    ...{ id, urn: `do:vpc:${id}`, name: `default-${slug}`, description: '', region: slug },
    ...{ ip_range: `10.${100 + index}.0.0/20`, default: true, created_at: '2026-01-01T00:00:00Z' },
  }
}

export function projectHandlers(account: Account): Record<string, Handler> {
  const checked = (id = ''): string => found(id === account.defaultProject ? id : undefined)
  return {
    projects_list: ({ query, path }) => list('projects', [account.defaultProject], projectJson, query, path),
    projects_get_default: () => ({ status: 200, body: { project: projectJson(account.defaultProject) } }),
    projects_assign_resources: ({ params, body }) => {
      checked(params['project_id'])
      const urns = (body['resources'] ?? []) as readonly string[]
      for (const urn of urns) account.projectResources.add(urn)
      const resources = urns.map((urn) => ({
        ...{ urn, status: 'assigned', assigned_at: account.timeline.now() },
        links: { self: `https://api.digitalocean.com/v2/${urn.split(':').slice(1).join('s/')}` },
      }))
      return { status: 200, body: { resources, links: {}, meta: { total: urns.length } } }
    },
  }
}

function projectJson(id: string): JsonObject {
  return {
    ...{
      id,
      owner_uuid: '1'.repeat(40),
      owner_id: 1,
      name: 'first-project',
      description: '',
      is_default: true,
    },
    ...{ purpose: 'Just trying out DigitalOcean', environment: 'Development' },
    ...{ created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' },
  }
}
