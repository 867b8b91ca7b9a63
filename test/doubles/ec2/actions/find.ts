/** What a request names, or the refusal that it is not there. */
import type { KeyPairInfo, SecurityGroup } from '@aws-sdk/client-ec2'
import { TYPES, type TypeFacts } from '../catalogue.js'
import { refuse } from '../errors.js'
import type { Machine, Region } from '../state.js'

export function keyNamed(region: Region, name: string): KeyPairInfo | undefined {
  return [...region.keys.values()].find(({ KeyName }) => KeyName === name)
}

export function defaultVpc(region: Region): string {
  const id = [...region.vpcs.values()].find(({ IsDefault }) => IsDefault)?.VpcId
  return id ?? refuse('VPCIdNotSpecified', 'No default VPC for this user')
}

function missing(id: string): never {
  return refuse('InvalidGroup.NotFound', `The security group '${id}' does not exist`)
}

export function groupById(region: Region, id: string): SecurityGroup {
  if (!/^sg-[0-9a-f]{8,17}$/.test(id)) refuse('InvalidGroupId.Malformed', `Invalid id: "${id}"`)
  return region.groups.get(id) ?? missing(id)
}

/** By name only those of the default VPC are found. */
export function groupByName(region: Region, name: string): SecurityGroup {
  const vpcId = defaultVpc(region)
  const found = [...region.groups.values()].find((group) => group.GroupName === name && group.VpcId === vpcId)
  return (
    found ??
    refuse('InvalidGroup.NotFound', `The security group '${name}' does not exist in default VPC '${vpcId}'`)
  )
}

/** Machines of a request, in its order. */
export function machinesOf(
  region: Region,
  ids: readonly string[],
  among: ReadonlyMap<string, Machine> = region.machines,
): Machine[] {
  for (const id of ids)
    if (!/^i-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id))
      refuse('InvalidInstanceID.Malformed', `Invalid id: "${id}"`)
  const absent = ids.filter((id) => !among.has(id))
  if (absent.length === 1)
    refuse('InvalidInstanceID.NotFound', `The instance ID '${absent[0] ?? ''}' does not exist`)
  if (absent.length > 1)
    refuse('InvalidInstanceID.NotFound', `The instance IDs '${absent.join(', ')}' do not exist`)
  return ids.flatMap((id) => among.get(id) ?? [])
}

/** Zones of a region that have a type. */
export function zonesWith(region: Region, type: TypeFacts): string[] {
  return region.facts.zones.filter((zone) => !type.notIn.includes(zone.slice(-1)))
}

export function typeOf(name: string): TypeFacts {
  return (
    TYPES.find((type) => type.name === name) ??
    refuse('InvalidParameterValue', `Invalid value '${name}' for InstanceType.`)
  )
}
