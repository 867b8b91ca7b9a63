import type { Subnet } from '@aws-sdk/client-ec2'
import type { PreflightFault } from '../../contracts/driver.js'
import { isMachineError, MachineError } from '../../contracts/errors.js'
import { allPages } from '../common/api/pages.js'
import type { Ec2Account } from './account.js'
import type { InstanceConfig } from './config.js'
import { isRefusedWith } from './errors.js'

/** A subnet that an instance can be made in. */
export interface Place {
  readonly subnetId: string
  readonly zone: string
  readonly hasIpv6: boolean
}

/** Where instances of a config go, one place a zone. */
export interface Network {
  readonly vpcId: string
  readonly places: readonly Place[]
  /** Why there. */
  readonly why: string
}

type Wanted = Pick<InstanceConfig, 'vpcId' | 'subnetId' | 'zone' | 'ipv6'>

/** Whether something is a fault that the user can mend, and not a failure of the call. */
export class NetworkFault extends MachineError {
  constructor(readonly fault: PreflightFault) {
    super('driver', fault.message, fault.hint === undefined ? {} : { hints: [fault.hint] })
  }
}

export function isNetworkFault(error: unknown): error is NetworkFault {
  return isMachineError(error) && 'fault' in error
}

/** VPC and subnets of a config. @throws NetworkFault */
export async function networkOf(account: Ec2Account, wanted: Wanted, signal: AbortSignal): Promise<Network> {
  const { vpcId, subnetId, zone, ipv6 } = wanted
  return await account.remember(`network ${vpcId} ${subnetId} ${zone} ${ipv6}`, signal, async (asking) =>
    subnetId === '' ? await inVpc(account, wanted, asking) : await inSubnet(account, wanted, asking),
  )
}

async function inSubnet(account: Ec2Account, wanted: Wanted, signal: AbortSignal): Promise<Network> {
  const subnet = await subnetById(account, wanted.subnetId, signal)
  const { VpcId = '', AvailabilityZone = '' } = subnet
  if (wanted.vpcId !== '' && wanted.vpcId !== VpcId)
    throw fault(
      `SubnetId: ${wanted.subnetId} does not belong to VpcId: ${wanted.vpcId}`,
      `It belongs to ${VpcId}: leave --amazonec2-vpc-id out.`,
    )
  if (wanted.zone !== '' && wanted.zone !== AvailabilityZone)
    throw fault(
      `Subnet ${wanted.subnetId} is in zone ${AvailabilityZone}, not in ${wanted.zone}`,
      'A subnet is in one zone: leave --amazonec2-zone out.',
    )
  const place = placeOf(subnet)
  if (wanted.ipv6 && !place.hasIpv6) throw noIpv6(`subnet ${wanted.subnetId}`)
  return { vpcId: VpcId, places: [place], why: `subnet ${wanted.subnetId}, as --amazonec2-subnet-id says` }
}

async function subnetById(account: Ec2Account, id: string, signal: AbortSignal): Promise<Subnet> {
  try {
    const { Subnets = [] } = await account.api.call('DescribeSubnets', { SubnetIds: [id] }, signal)
    if (Subnets[0]) return Subnets[0]
  } catch (error) {
    if (!isRefusedWith(error, 'InvalidSubnetID.*', 'InvalidSubnetId.*')) throw error
  }
  throw fault(`there is no subnet ${id} in ${account.api.region}`, 'aws ec2 describe-subnets lists yours.')
}

async function inVpc(account: Ec2Account, wanted: Wanted, signal: AbortSignal): Promise<Network> {
  const vpcId = wanted.vpcId || (await defaultVpc(account, signal))
  const filters = [
    { Name: 'vpc-id', Values: [vpcId] },
    { Name: 'state', Values: ['available'] },
    ...(wanted.zone === '' ? [] : [{ Name: 'availability-zone', Values: [wanted.zone] }]),
  ]
  const subnets = await allPages('the subnets', async (cursor) => {
    const next = cursor === undefined ? {} : { NextToken: String(cursor) }
    const answer = await account.api.call('DescribeSubnets', { Filters: filters, ...next }, signal)
    return { items: answer.Subnets ?? [], next: answer.NextToken }
  })
  const vpc = wanted.vpcId === '' ? `default VPC ${vpcId}` : `VPC ${vpcId}`
  if (subnets.length === 0) throw await noSubnet(account, wanted, vpc, signal)
  const usable = wanted.ipv6 ? subnets.filter((subnet) => placeOf(subnet).hasIpv6) : subnets
  if (usable.length === 0) throw noIpv6(vpc)
  return { vpcId, places: onePerZone(usable), why: `${vpc}, subnets that zones take by default first` }
}

async function defaultVpc(account: Ec2Account, signal: AbortSignal): Promise<string> {
  const input = { Filters: [{ Name: 'is-default', Values: ['true'] }] }
  const { Vpcs = [] } = await account.api.call('DescribeVpcs', input, signal)
  const id = Vpcs[0]?.VpcId
  if (id !== undefined) return id
  throw fault(
    `the account has no default VPC in ${account.api.region}`,
    'Give one with --amazonec2-vpc-id or a subnet with --amazonec2-subnet-id (aws ec2 create-default-vpc makes a default one).',
  )
}

async function noSubnet(
  account: Ec2Account,
  wanted: Wanted,
  vpc: string,
  signal: AbortSignal,
): Promise<NetworkFault> {
  if (wanted.vpcId !== '') {
    const asked = account.api.call('DescribeVpcs', { VpcIds: [wanted.vpcId] }, signal)
    const exists = await asked.then(
      () => true,
      (error: unknown) => !isRefusedWith(error, 'InvalidVpcID.*', 'InvalidVpcId.*'),
    )
    if (!exists)
      return fault(
        `there is no VPC ${wanted.vpcId} in ${account.api.region}`,
        'aws ec2 describe-vpcs lists yours.',
      )
  }
  const where = wanted.zone === '' ? '' : ` in zone ${wanted.zone}`
  const hint =
    wanted.zone === '' ? 'Make one, or choose another VPC.' : 'Leave --amazonec2-zone out, or choose another.'
  return fault(`unable to find a subnet${where} of ${vpc}`, hint)
}

function noIpv6(what: string): NetworkFault {
  return fault(
    `${what} has no IPv6 range`,
    'Give the subnet one, or leave --amazonec2-ipv6 and --amazonec2-ipv6-only out.',
  )
}

function fault(message: string, hint: string): NetworkFault {
  return new NetworkFault({ message, hint })
}

/** As docker-machine: the zone's default subnet, else any; by name of the zone. */
function onePerZone(subnets: readonly Subnet[]): readonly Place[] {
  const rank = ({ DefaultForAz, MapPublicIpOnLaunch, SubnetId = '' }: Subnet): string =>
    `${DefaultForAz ? 0 : 1}${MapPublicIpOnLaunch ? 0 : 1}${SubnetId}`
  const byZone = new Map<string, Subnet>()
  for (const subnet of subnets.toSorted((one, other) => rank(one).localeCompare(rank(other)))) {
    const zone = subnet.AvailabilityZone ?? ''
    if (!byZone.has(zone)) byZone.set(zone, subnet)
  }
  return [...byZone.values()].map(placeOf).sort((one, other) => one.zone.localeCompare(other.zone))
}

function placeOf({ SubnetId = '', AvailabilityZone = '', Ipv6CidrBlockAssociationSet = [] }: Subnet): Place {
  return { subnetId: SubnetId, zone: AvailabilityZone, hasIpv6: Ipv6CidrBlockAssociationSet.length > 0 }
}
