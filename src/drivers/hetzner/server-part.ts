import type { JsonObject } from '../../contracts/json.js'
import { MachineError } from '../../contracts/errors.js'
import { isApiError, type ApiError } from '../common/api/errors.js'
import { FIREWALL, type Part, type PartRequest, SERVER } from '../common/cloud/part.js'
import { addressAttributes } from '../common/cloud/account.js'
import type { HetznerAccount } from './account.js'
import type { Action, Named, Server } from './api-types.js'
import { isId } from './catalog.js'
import { type HetznerConfig, readConfig } from './config.js'
import { chooseImage, findType, placesOf } from './choice.js'
import { GROUP, SSH_KEY } from './kinds.js'
import { givenLabels, labelsOf, machineSelector } from './labels.js'
import { cloudServer } from './servers.js'

interface Made {
  readonly server: Server
  readonly action: Action
  readonly next_actions: readonly Action[]
}

/** The server itself: one POST, that brings it under its firewalls, into its networks and to its volumes. */
export const serverPart: Part<HetznerAccount> = {
  kind: SERVER,
  text: 'server',
  keys: ({ machine }) => [machine.name],

  async find(account, { spec }, signal) {
    const query = { label_selector: machineSelector(spec.machine.id) }
    const [found] = await account.api.list<Server>('servers', query, signal)
    return found && foundOf(found)
  },

  async make(account, request, signal) {
    const body = await bodyOf(account, request, signal)
    try {
      const made = await account.api.post<Made>('/servers', body, 'make the server', signal)
      account.births.expect(cloudServer(made.server), [made.action, ...made.next_actions])
      account.labelled(made.server)
      return foundOf(made.server)
    } catch (error) {
      throw await explained(account, request, error, signal)
    }
  },

  /** Gone when its action is done; until then its firewall counts as in use. */
  async remove(account, { id = '' }, _machine, signal) {
    const answer = await account.api.delete<{ action?: Action }>(
      `/servers/${encodeURIComponent(id)}`,
      'delete the server',
      signal,
    )
    if (answer?.action) await account.actions.done([answer.action], signal)
  },
}

function foundOf(server: Server): { id: string; region?: string; attributes: JsonObject } {
  const { id, region, addresses } = cloudServer(server)
  return { id, ...(region === undefined ? {} : { region }), attributes: addressAttributes(addresses) }
}

async function bodyOf(
  account: HetznerAccount,
  request: PartRequest,
  signal: AbortSignal,
): Promise<JsonObject> {
  const { spec, made } = request
  const config = readConfig(spec.config)
  const [image, volumes, networks, firewalls, publicNet] = await Promise.all([
    imageOf(account, config, signal),
    idsOf(account, 'volumes', config.volumes, signal),
    idsOf(account, 'networks', config.networks, signal),
    idsOf(account, 'firewalls', config.firewalls, signal),
    publicNetOf(account, config, signal),
  ])
  const group = made[GROUP]?.[0]?.id ?? (isId(config.placementGroup) ? config.placementGroup : undefined)
  const ours = (made[FIREWALL] ?? []).map(({ id }) => Number(id))
  return {
    name: spec.machine.name,
    server_type: config.serverType,
    image,
    ...(config.location === '' ? {} : { location: config.location }),
    ...(group === undefined ? {} : { placement_group: Number(group) }),
    ssh_keys: [...(made[SSH_KEY] ?? []).map(({ id }) => id ?? ''), ...given(config.existingKeyId)],
    ...(volumes.length === 0 ? {} : { volumes, automount: false }),
    ...(networks.length === 0 ? {} : { networks }),
    ...(publicNet ? { public_net: publicNet } : {}),
    firewalls: [...ours, ...firewalls].map((firewall) => ({ firewall })),
    ...(spec.seed ? { user_data: spec.seed.userData } : {}),
    labels: { ...givenLabels(config.serverLabels), ...labelsOf(spec.tags) },
    start_after_create: true,
  }
}

function given(id: string): readonly string[] {
  return id === '' ? [] : [id]
}

/** Images of one name exist for each architecture: the id tells which. */
async function imageOf(account: HetznerAccount, config: HetznerConfig, signal: AbortSignal): Promise<string> {
  if (config.imageId !== '') return config.imageId
  if (isId(config.image)) return config.image
  const [types, images] = await Promise.all([
    account.catalog.serverTypes(signal),
    account.catalog.imagesNamed(config.image, signal),
  ])
  const image = chooseImage(config, findType(types, config.serverType), images)
  if (!image) throw new MachineError('driver', `Hetzner has no image "${config.image}"`)
  return String(image.id)
}

/** Only where it is not as Hetzner does it without being told. */
async function publicNetOf(
  account: HetznerAccount,
  { disablePublic4, disablePublic6, primary4, primary6 }: HetznerConfig,
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  if (!disablePublic4 && !disablePublic6 && primary4 === '' && primary6 === '') return undefined
  const [ipv4, ipv6] = await Promise.all(
    [primary4, primary6].map(async (text) => await primary(account, text, signal)),
  )
  return {
    enable_ipv4: !disablePublic4,
    enable_ipv6: !disablePublic6,
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
  }
}

async function primary(
  account: HetznerAccount,
  text: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (text === '') return undefined
  const found = await account.catalog.primaryIp(text, signal)
  if (!found) throw new MachineError('driver', `the project has no primary IP "${text}"`)
  return found.id
}

async function idsOf(
  account: HetznerAccount,
  field: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly number[]> {
  return await Promise.all(
    names.map(async (name) => {
      if (isId(name)) return Number(name)
      const found = await account.catalog.thing<Named>(field, name, signal)
      if (!found) throw new MachineError('driver', `the project has no ${field.replace(/s$/, '')} "${name}"`)
      return found.id
    }),
  )
}

const NO_ROOM: readonly string[] = ['resource_unavailable', 'placement_error', 'no_space_left_in_location']

/** What helps where it was not the request that was wrong. */
async function explained(
  account: HetznerAccount,
  { spec }: PartRequest,
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (signal.aborted || !isApiError(error)) return error
  // What was remembered of keys, firewalls and networks may be out of date.
  account.memory.forgetThings()
  const config = readConfig(spec.config)
  if (error.providerCode === 'uniqueness_error') return error.withHints(nameTaken(spec.machine.name))
  return NO_ROOM.includes(error.providerCode ?? '') ? await noRoom(account, config, error, signal) : error
}

export function nameTaken(name: string): readonly string[] {
  return [
    `A server "${name}" that is not this machine is in the project: choose another name, or remove it in the Cloud Console.`,
  ]
}

async function noRoom(
  account: HetznerAccount,
  config: HetznerConfig,
  error: ApiError,
  signal: AbortSignal,
): Promise<ApiError> {
  const types = await account.catalog.serverTypes(signal).catch(() => [])
  const type = findType(types, config.serverType)
  const places = type
    ? placesOf(type).filter(({ name, available }) => available && name !== config.location)
    : []
  const elsewhere = places.map(({ name }) => `--hetzner-server-location ${name}`).join(', ')
  return error.withHints([
    config.autoSpread || config.placementGroup !== ''
      ? 'A spread group needs a host of its own for each machine (10 at most): try without it.'
      : `There is no room for ${config.serverType} ${config.location === '' ? 'now' : `in ${config.location} now`}.`,
    ...(elsewhere === ''
      ? ['Try another --hetzner-server-type.']
      : [`Hetzner offers it elsewhere: ${elsewhere}`]),
  ])
}
