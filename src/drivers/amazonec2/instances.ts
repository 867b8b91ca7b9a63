import type { Instance } from '@aws-sdk/client-ec2'
import type { MachineState } from '../../contracts/state.js'
import type { Addresses, CloudServer } from '../common/cloud/account.js'
import { stateIn } from '../common/cloud/states.js'
import { readTags } from './tags.js'

/** As docker-machine reads them. */
const STATES: Readonly<Record<string, MachineState>> = {
  pending: 'Starting',
  running: 'Running',
  'shutting-down': 'Stopping',
  terminated: 'Error',
  stopping: 'Stopping',
  stopped: 'Stopped',
}

/** States in which an instance still is something. */
export const ALIVE = ['pending', 'running', 'stopping', 'stopped']

export function stateName({ State }: Instance): string {
  return State?.Name ?? ''
}

/** An instance as the engine of all clouds reads servers. */
export function cloudServer(instance: Instance, region: string): CloudServer {
  const tags = readTags(instance.Tags)
  const error = deathOf(instance)
  return {
    id: instance.InstanceId ?? '',
    name: tags['Name'] ?? '',
    state: stateIn(STATES, stateName(instance)),
    tags,
    addresses: addressesOf(instance),
    firewalls: groupIds(instance),
    region,
    ...(instance.LaunchTime ? { createdAt: instance.LaunchTime.toISOString() } : {}),
    ...(error === undefined ? {} : { error }),
  }
}

export function groupIds({ SecurityGroups = [] }: Instance): readonly string[] {
  return SecurityGroups.flatMap(({ GroupId }) => (GroupId === undefined ? [] : [GroupId]))
}

function addressesOf(instance: Instance): Addresses {
  const public6 = instance.Ipv6Address ?? instance.NetworkInterfaces?.[0]?.Ipv6Addresses?.[0]?.Ipv6Address
  return {
    ...(instance.PublicIpAddress ? { public4: instance.PublicIpAddress } : {}),
    ...(public6 ? { public6 } : {}),
    ...(instance.PrivateIpAddress ? { private: instance.PrivateIpAddress } : {}),
  }
}

/** Why an instance has ended, in EC2's words. */
function deathOf(instance: Instance): string | undefined {
  if (stateName(instance) !== 'terminated') return undefined
  const reason = instance.StateReason?.Message || instance.StateTransitionReason
  return reason ? `it was terminated: ${reason}` : 'it was terminated'
}
