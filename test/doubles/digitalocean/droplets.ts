import type { JsonObject } from '../../../src/contracts/json.js'
import type { Handler } from '../cloud/double.js'
import { text } from '../cloud/http.js'
import { Power, type PowerVerb } from '../cloud/power.js'
import { actionJson, list } from './answers.js'
import { IMAGES, imageJson, REGIONS, regionsOf, type Image, type Size, sizeJson, SIZES } from './catalog.js'
import { applyFirewallsTo } from './firewall-rules.js'
import { type Account, type Action, type Droplet, type Key, regionOf } from './state.js'
import { unprocessable } from './words.js'

interface DropletRequest {
  readonly name?: string
  readonly names?: readonly string[]
  readonly region?: string
  readonly size: string
  readonly image: string | number
  readonly ssh_keys?: readonly (string | number)[]
  readonly backups?: boolean
  readonly ipv6?: boolean
  readonly monitoring?: boolean
  readonly tags?: readonly string[] | null
  readonly user_data?: string
  readonly volumes?: readonly string[]
  readonly vpc_uuid?: string
  readonly public_networking?: boolean
}

const USER_DATA_LIMIT = 64 * 1024

/** What a request for droplets comes to. */
interface Wanted {
  readonly request: DropletRequest
  readonly names: readonly string[]
  readonly region: string
  readonly size: Size
  readonly image: Image
  readonly keys: readonly Key[]
  readonly vpc: string
}

export function dropletHandlers(account: Account): Record<string, Handler> {
  return {
    droplets_list: ({ query, path }) => {
      const tag = query.get('tag_name')
      const name = query.get('name')
      const wanted = [...account.droplets.values()].filter(
        (droplet) => (tag === null || droplet.tags.has(tag)) && (name === null || droplet.name === name),
      )
      return list('droplets', wanted, (one) => dropletJson(account, one), query, path)
    },
    droplets_get: ({ params }) => ({
      status: 200,
      body: { droplet: dropletJson(account, account.droplet(params['droplet_id'] ?? '')) },
    }),
    droplets_create: ({ body }) => create(account, body as unknown as DropletRequest),
    droplets_destroy: ({ params }) => {
      destroy(account, account.droplet(params['droplet_id'] ?? ''))
      return { status: 204 }
    },
    droplets_destroy_byTag: ({ query }) => {
      for (const droplet of [...account.droplets.values()])
        if (droplet.tags.has(query.get('tag_name') ?? '')) destroy(account, droplet)
      return { status: 204 }
    },
    dropletActions_post: ({ params, body }) => {
      const droplet = account.droplet(params['droplet_id'] ?? '')
      return { status: 201, body: { action: actionJson(act(account, droplet, text(body, 'type'), body)) } }
    },
  }
}

function create(account: Account, request: DropletRequest): ReturnType<Handler> {
  const wanted = check(account, request)
  account.addTags(request.tags ?? [])
  const made = wanted.names.map((name) => make(account, wanted, name))
  const droplets = made.map(({ droplet }) => dropletJson(account, droplet))
  const actions = made.map(({ action }) => ({
    ...{ id: action.id, rel: action.type },
    href: `https://api.digitalocean.com/v2/actions/${action.id}`,
  }))
  const [first] = droplets
  return {
    status: 202,
    body: { ...(request.names ? { droplets } : { droplet: first ?? {} }), links: { actions } },
  }
}

function check(account: Account, request: DropletRequest): Wanted {
  const names = request.names ?? [request.name ?? '']
  const size = SIZES.find(({ slug }) => slug === request.size)
  if (!size) throw unprocessable('You specified an invalid size for Droplet creation.')
  const region = REGIONS.find(({ slug }) => slug === (request.region ?? 'nyc1'))
  if (!region) throw unprocessable('You specified an invalid region for Droplet creation.')
  if (!region.available) throw unprocessable('Region is not available')
  const image = IMAGES.find(({ id, slug }) => id === Number(request.image) || slug === request.image)
  if (!image) throw unprocessable('You specified an invalid image for Droplet creation.')
  if (!regionsOf(image).includes(region.slug))
    throw unprocessable(
      'The image you specified is not available in the selected region, you can create a Droplet ' +
        'in a region where it is available.',
    )
  checkRoom(account, size, region.slug, names.length)
  if (image.minDisk > size.disk)
    throw unprocessable('The image size is bigger than the disk size of the Droplet that you want to create.')
  if (Buffer.byteLength(request.user_data ?? '') > USER_DATA_LIMIT)
    throw unprocessable('User data must be less than 64KiB')
  checkVolumes(account, request.volumes ?? [], region.slug)
  const vpc = request.vpc_uuid ?? account.vpcOf(region.slug)
  if (account.vpcs.get(vpc)?.slug !== region.slug) throw unprocessable('vpc_uuid is not in the region')
  return {
    request,
    names,
    size,
    image,
    vpc,
    region: region.slug,
    keys: keysOf(account, request.ssh_keys ?? []),
  }
}

function checkRoom(account: Account, size: Size, region: string, count: number): void {
  const { conditions, droplets } = account
  if (!regionsOf(size).includes(region) || droplets.size + count > conditions.capacity)
    throw unprocessable('Size is not available in this region.')
  if (droplets.size + count > conditions.quota)
    throw unprocessable('creating this/these droplet(s) will exceed your droplet limit')
}

function checkVolumes(account: Account, ids: readonly string[], region: string): void {
  for (const id of ids) {
    const volume = account.volumes.get(id)
    if (!volume) throw unprocessable(`Volume ${id} does not exist`)
    if (volume.region !== region) throw unprocessable('Volume is not in the same region as the Droplet')
    if (volume.droplet !== undefined) throw unprocessable('Volume is already attached to a Droplet')
  }
}

function keysOf(account: Account, wanted: readonly (string | number)[]): readonly Key[] {
  const all = [...account.keys.values()]
  const keys = wanted.map((key) =>
    all.find(({ id, fingerprint }) => id === Number(key) || fingerprint === key),
  )
  const unknown = wanted.filter((_, index) => keys[index] === undefined)
  if (unknown.length > 0)
    throw unprocessable(`${unknown.join(', ')} are invalid key identifiers for Droplet creation.`)
  return keys.filter((key) => key !== undefined)
}

function make(account: Account, wanted: Wanted, name: string): { droplet: Droplet; action: Action } {
  const { request, region, size, image, vpc } = wanted
  const id = account.nextId()
  const guest = account.guests().make({
    ...{ id: `${id}`, name, userData: request.user_data ?? '' },
    publicKeys: wanted.keys.map(({ public_key }) => public_key),
  })
  const { timeline, conditions, times } = account
  const droplet: Droplet = {
    ...{ id, name, region, size, image, vpc },
    createdAt: timeline.now(),
    tags: new Set(request.tags ?? []),
    features: featuresOf(request),
    volumes: new Set(request.volumes ?? []),
    ipv6: request.ipv6 ?? false,
    publicNetworking: request.public_networking ?? true,
    privateAddress: `10.${100 + (id % 100)}.${Math.floor(id / 250) % 250}.${2 + (id % 250)}`,
    power: new Power(guest, timeline, conditions, times),
    status: 'new',
  }
  account.droplets.set(id, droplet)
  for (const volume of droplet.volumes) {
    const attached = account.volumes.get(volume)
    if (attached) attached.droplet = id
  }
  applyFirewallsTo(account, droplet)
  const action = account.begin('create', { id, type: 'droplet', region })
  droplet.power.boot((failed) => {
    droplet.status = failed ? 'new' : 'active'
    account.end(action, failed)
  })
  return { droplet, action }
}

function featuresOf(request: DropletRequest): readonly string[] {
  const { backups, ipv6, monitoring } = request
  const features = { backups, ipv6, monitoring, droplet_agent: true, private_networking: true }
  return Object.entries(features).flatMap(([feature, on]) => (on ? [feature] : []))
}

export function destroy(account: Account, droplet: Droplet): void {
  if (droplet.power.busy) throw unprocessable('Droplet already has a pending event.')
  account.droplets.delete(droplet.id)
  for (const volume of account.volumes.values()) if (volume.droplet === droplet.id) volume.droplet = undefined
  for (const ip of account.reserved.values()) if (ip.droplet === droplet.id) ip.droplet = undefined
  for (const firewall of account.firewalls.values()) firewall.droplets.delete(droplet.id)
  void droplet.power.guest.end()
}

const VERBS: Readonly<Record<string, { readonly verb: PowerVerb; readonly needs?: boolean }>> = {
  power_on: { verb: 'on' },
  power_off: { verb: 'off' },
  shutdown: { verb: 'shutdown', needs: true },
  reboot: { verb: 'reboot', needs: true },
  power_cycle: { verb: 'cycle' },
}

function act(account: Account, droplet: Droplet, type: string, body: JsonObject): Action {
  if (droplet.power.busy) throw unprocessable('Droplet already has a pending event.')
  const power = VERBS[type]
  if (power?.needs && !droplet.power.running)
    throw unprocessable('Droplet is currently off. Please power it on to run this event.')
  const action = account.begin(type, { id: droplet.id, type: 'droplet', region: droplet.region })
  if (power) droplet.power.perform(power.verb, (failed) => account.end(action, failed))
  else {
    if (type === 'rename') droplet.name = text(body, 'name')
    account.endSoon(action)
  }
  return action
}

/** `new` until it runs for the first time. */
function statusOf(droplet: Droplet): Droplet['status'] {
  if (droplet.status === 'new') return 'new'
  return droplet.power.running ? 'active' : 'off'
}

export function dropletJson(account: Account, droplet: Droplet): JsonObject {
  const { id, name, size, image, power, features } = droplet
  return {
    ...{ id, name, memory: size.memory, vcpus: size.vcpus, disk: size.disk, features },
    disk_info: [{ type: 'local', size: { amount: size.disk, unit: 'gib' } }],
    locked: power.busy,
    status: statusOf(droplet),
    kernel: null,
    created_at: droplet.createdAt,
    backup_ids: [],
    next_backup_window: null,
    snapshot_ids: [],
    image: imageJson(image),
    volume_ids: [...account.volumes.values()].filter((one) => one.droplet === id).map((one) => one.id),
    size: sizeJson(size),
    size_slug: size.slug,
    networks: networksJson(droplet),
    region: regionOf(droplet.region),
    tags: [...droplet.tags].sort(),
    vpc_uuid: droplet.vpc,
  }
}

/** Addresses are known a while after the request, once it boots. */
function networksJson({ status, power, privateAddress, publicNetworking, ipv6, id }: Droplet): JsonObject {
  if (status === 'new') return { v4: [], v6: [] }
  const netmask = '255.255.240.0'
  const lan = { ip_address: privateAddress, netmask, gateway: '', type: 'private' }
  const wan = { ip_address: power.guest.address, netmask, gateway: '127.0.0.1', type: 'public' }
  const six = {
    ip_address: `2001:db8::${(id % 65_536).toString(16)}:1`,
    netmask: 64,
    gateway: '2001:db8::1',
    type: 'public',
  }
  return { v4: publicNetworking ? [lan, wan] : [lan], v6: ipv6 ? [six] : [] }
}
