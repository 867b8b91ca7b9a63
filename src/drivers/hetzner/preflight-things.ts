/** What the project has to have already: volumes, networks, firewalls, addresses, a group and a key. */
import type { MachineSpec, PreflightFault } from '../../contracts/driver.js'
import type { HetznerAccount } from './account.js'
import type { Named, PlacementGroup, SshKey, Volume } from './api-types.js'
import { isId } from './catalog.js'
import { type HetznerConfig, readConfig } from './config.js'
import { groups } from './groups.js'
import { keyFingerprint } from './public-key.js'

/** Machines that one spread group takes. */
const GROUP_SIZE = 10

type Faults = readonly PreflightFault[]

export async function thingFaults(
  account: HetznerAccount,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<Faults> {
  const config = readConfig(spec.config)
  const checks = [
    ...config.networks.map(async (name) => await missing(account, 'networks', name, signal)),
    ...config.firewalls.map(async (name) => await missing(account, 'firewalls', name, signal)),
    ...config.volumes.map(async (name) => await volumeFaults(account, config, name, signal)),
    primaryFaults(account, 'ipv4', config.primary4, signal),
    primaryFaults(account, 'ipv6', config.primary6, signal),
    groupFaults(account, spec, signal),
    keyFaults(account, spec, signal),
  ]
  return (await Promise.all(checks)).flat()
}

async function missing(
  account: HetznerAccount,
  field: string,
  name: string,
  signal: AbortSignal,
): Promise<Faults> {
  const found = await account.catalog.thing<Named>(field, name, signal)
  return found ? [] : [noThing(field, name)]
}

function noThing(field: string, name: string): PreflightFault {
  const what = field.replace(/s$/, '').replaceAll('_', ' ')
  return {
    message: `The project has no ${what} "${name}"`,
    hint: 'A token sees its own project only: is it the right one?',
  }
}

async function volumeFaults(
  account: HetznerAccount,
  { location }: HetznerConfig,
  name: string,
  signal: AbortSignal,
): Promise<Faults> {
  const volume = await account.catalog.thing<Volume>('volumes', name, signal)
  if (!volume) return [noThing('volumes', name)]
  const there = volume.location.name
  return [
    ...(volume.server === null
      ? []
      : [
          {
            message: `Volume ${volume.name} is attached to server ${volume.server}`,
            hint: 'Detach it there first.',
          },
        ]),
    ...(location === '' || location === there
      ? []
      : [
          {
            message: `Volume ${volume.name} is in ${there}, the server would be in ${location}`,
            hint: `--hetzner-server-location ${there}`,
          },
        ]),
  ]
}

async function primaryFaults(
  account: HetznerAccount,
  type: 'ipv4' | 'ipv6',
  text: string,
  signal: AbortSignal,
): Promise<Faults> {
  if (text === '') return []
  const found = await account.catalog.primaryIp(text, signal)
  if (!found) return [noThing('primary_ips', text)]
  if (found.type !== type)
    return [
      { message: `Primary IP ${text} is ${found.type}`, hint: `--hetzner-primary-${found.type} ${text}` },
    ]
  if (found.assignee_id === null) return []
  return [
    {
      message: `Primary IP ${text} belongs to server ${found.assignee_id}`,
      hint: 'Unassign it there first.',
    },
  ]
}

async function groupFaults(account: HetznerAccount, spec: MachineSpec, signal: AbortSignal): Promise<Faults> {
  const { placementGroup } = readConfig(spec.config)
  const [name = placementGroup] = groups.keys(spec)
  if (name === '') return []
  const group = await account.catalog.thing<PlacementGroup>('placement_groups', name, signal)
  if (!group) return isId(name) ? [noThing('placement_groups', name)] : []
  if (group.servers.length < GROUP_SIZE) return []
  return [
    {
      message: `Placement group ${group.name} has ${group.servers.length} servers, and ${GROUP_SIZE} is the most`,
      hint: 'Name another one with --hetzner-placement-group: it is made when it is not there.',
    },
  ]
}

async function keyFaults(account: HetznerAccount, spec: MachineSpec, signal: AbortSignal): Promise<Faults> {
  const { existingKeyId, existingKeyPath } = readConfig(spec.config)
  if (existingKeyId === '') return []
  const key = await account.catalog.thing<SshKey>('ssh_keys', existingKeyId, signal)
  if (!key) return [noThing('ssh_keys', existingKeyId)]
  const local = spec.sshPublicKey === undefined ? undefined : keyFingerprint(spec.sshPublicKey)
  if (local === undefined || local === key.fingerprint) return []
  return [
    {
      message: `remote key ${existingKeyId} (${key.name}) does not match local key ${existingKeyPath}`,
      hint: 'Leave --hetzner-existing-key-id out: the public half of the file is uploaded then.',
    },
  ]
}
