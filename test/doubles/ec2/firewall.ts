/** The groups of an instance decide which of its ports are reached. */
import type { SecurityGroup } from '@aws-sdk/client-ec2'
import { CALLER } from '../cloud/cidr.js'
import { SERVED_PORTS } from '../cloud/guest.js'
import { isAlive } from './life.js'
import { flat, openPorts } from './rules.js'
import type { Machine, Region } from './state.js'

export async function firewallChanged(region: Region, group: SecurityGroup): Promise<void> {
  for (const machine of region.machines.values())
    if (isAlive(machine) && machine.instance.SecurityGroups?.some(({ GroupId }) => GroupId === group.GroupId))
      await openPortsOf(region, machine)
}

export async function openPortsOf(region: Region, { instance, guest }: Machine): Promise<void> {
  const groups = (instance.SecurityGroups ?? []).flatMap(
    ({ GroupId }) => region.groups.get(GroupId ?? '') ?? [],
  )
  const rules = groups.flatMap(({ IpPermissions }) => flat(IpPermissions ?? []))
  await guest.open(openPorts(rules, CALLER, SERVED_PORTS))
}
