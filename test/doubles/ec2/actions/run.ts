/** RunInstances: what is asked for is checked as a whole, then made as a whole. */
import type { Reservation, RunInstancesRequest, SecurityGroup, Subnet } from '@aws-sdk/client-ec2'
import { ACCOUNT, type ImageFacts, type TypeFacts } from '../catalogue.js'
import { badValue, refuse } from '../errors.js'
import { isAlive, stateOf } from '../life.js'
import { isBase64 } from '../query.js'
import type { Account, Action, Call, Machine, Region } from '../state.js'
import { devicesFor, type Device } from './devices.js'
import { defaultVpc, groupById, groupByName, keyNamed, typeOf, zonesWith } from './find.js'
import { launch } from './launch.js'
import { withTemplate } from './template.js'
import { tagsFor } from './tagged.js'

/** All that a launch needs, found and checked. */
export interface Plan {
  readonly input: RunInstancesRequest
  readonly image: ImageFacts
  readonly type: TypeFacts
  readonly subnet: Subnet
  readonly groups: readonly SecurityGroup[]
  readonly devices: readonly Device[]
  readonly wantsPublic: boolean
  readonly spot: boolean
  /** Decoded. */
  readonly userData: string
  readonly count: number
}

const USER_DATA_LIMIT = 16 * 1024

export const runInstances: Action<RunInstancesRequest, Reservation> = (call) => {
  const { input, region } = call
  const { ClientToken: token, DryRun: dry, ...rest } = input
  if ((token ?? '').length > 64) badValue('clientToken', token, 'It must have at most 64 ASCII characters.')
  const request = JSON.stringify(rest)
  const earlier = token === undefined ? undefined : region.tokens.get(token)
  if (earlier && earlier.request !== request) mismatch()
  if (earlier && earlier.ids.length > 0) return repeated(region, earlier.ids)
  const plan = planOf(region, withTemplate(region, input))
  if (dry) refuse('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.')
  // A launch that capacity or limits refuse may be tried again with its token, but not with other parameters.
  if (token !== undefined) region.tokens.set(token, { request, ids: [] })
  const made = admit(call, plan)
  const ids = made.map(({ id }) => id)
  if (token !== undefined) region.tokens.set(token, { request, ids })
  return reservation(made)
}

function repeated(region: Region, ids: readonly string[]): Reservation {
  const machines = ids.flatMap((id) => region.machines.get(id) ?? [])
  if (machines.every((machine) => !isAlive(machine)))
    refuse(
      'IdempotentInstanceTerminated',
      'The client token you have provided is associated with a terminated instance. Please use a different client token.',
    )
  return reservation(machines)
}

export function mismatch(): never {
  return refuse(
    'IdempotentParameterMismatch',
    'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
  )
}

export function reservation(machines: readonly Machine[]): Reservation {
  return {
    ReservationId: machines[0]?.reservationId,
    OwnerId: ACCOUNT,
    Groups: [],
    Instances: machines.map(({ instance }) => ({ ...instance })),
  }
}

/** Finds and checks all; nothing is made. */
export function planOf(region: Region, input: RunInstancesRequest): Plan {
  const image = imageOf(region, input.ImageId)
  const type = typeOf(input.InstanceType ?? 't2.micro')
  if (image.arch !== type.arch)
    refuse(
      'InvalidParameterValue',
      `The architecture '${type.arch}' of the specified instance type does not match the architecture '${image.arch}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.`,
    )
  const count = input.MaxCount ?? 1
  if ((input.MinCount ?? 1) < 1 || count < (input.MinCount ?? 1)) badValue('MaxCount', count)
  if (input.KeyName !== undefined && !keyNamed(region, input.KeyName))
    refuse('InvalidKeyPair.NotFound', `The key pair '${input.KeyName}' does not exist`)
  checkProfile(region.account, input)
  for (const kind of ['instance', 'volume', 'network-interface', 'spot-instances-request'] as const)
    tagsFor(input.TagSpecifications, kind, [
      'instance',
      'volume',
      'network-interface',
      'spot-instances-request',
    ])
  const userData = userDataOf(input.UserData ?? '')
  const devices = devicesFor(image, input.BlockDeviceMappings ?? [])
  const spot = input.InstanceMarketOptions?.MarketType === 'spot'
  const subnet = subnetOf(region, input, { type, spot })
  if ((nicOf(input)?.Ipv6AddressCount ?? 0) > 0 && subnet.Ipv6CidrBlockAssociationSet?.length === 0)
    refuse('InvalidParameterValue', `The subnet '${subnet.SubnetId ?? ''}' has no IPv6 CIDR block.`)
  const groups = groupsOf(region, input, subnet)
  const given = nicOf(input)?.AssociatePublicIpAddress
  const wantsPublic = given ?? subnet.MapPublicIpOnLaunch ?? false
  return { input, image, type, subnet, groups, devices, wantsPublic, spot, userData, count }
}

function imageOf(region: Region, id: string | undefined): ImageFacts {
  if (id === undefined) return refuse('MissingParameter', 'The request must contain the parameter ImageId')
  if (!/^ami-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id)) refuse('InvalidAMIID.Malformed', `Invalid id: "${id}"`)
  return region.images.get(id) ?? refuse('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`)
}

function checkProfile(account: Account, { IamInstanceProfile: profile }: RunInstancesRequest): void {
  if (!profile) return
  const name = profile.Name ?? profile.Arn?.split('/').pop() ?? ''
  if (!account.profiles.has(name))
    badValue('iamInstanceProfile.name', name, 'Invalid IAM Instance Profile name')
}

function userDataOf(text: string): string {
  if (!isBase64(text)) refuse('InvalidUserData.Malformed', 'Invalid BASE64 encoding of user data.')
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length > USER_DATA_LIMIT)
    refuse('InvalidParameterValue', `User data is limited to ${USER_DATA_LIMIT} bytes`)
  return bytes.toString()
}

function nicOf(
  input: RunInstancesRequest,
): NonNullable<RunInstancesRequest['NetworkInterfaces']>[number] | undefined {
  const nics = input.NetworkInterfaces ?? []
  if (nics.length === 0) return undefined
  const clash = (what: string): never =>
    refuse(
      'InvalidParameterCombination',
      `Network interfaces and an instance-level ${what} may not be specified on the same request`,
    )
  if (input.SubnetId !== undefined) clash('subnet ID')
  if (input.SecurityGroupIds || input.SecurityGroups) clash('security groups')
  if (input.PrivateIpAddress !== undefined) clash('private address')
  const first = nics[0]
  if (first?.DeviceIndex === undefined)
    refuse('MissingParameter', 'The request must contain the parameter deviceIndex')
  if (nics.length > 1 && first?.AssociatePublicIpAddress)
    refuse(
      'InvalidParameterCombination',
      'The associatePublicIpAddress parameter cannot be specified when launching with multiple network interfaces.',
    )
  return first
}

interface Need {
  readonly type: TypeFacts
  readonly spot: boolean
}

/** The subnet that is named, else the default one of the zone that is named, else of the first zone that can. */
function subnetOf(region: Region, input: RunInstancesRequest, need: Need): Subnet {
  const id = nicOf(input)?.SubnetId ?? input.SubnetId
  const zone = input.Placement?.AvailabilityZone
  if (zone !== undefined && !region.facts.zones.includes(zone))
    refuse('InvalidParameterValue', `Invalid availability zone: [${zone}]`)
  if (id !== undefined) {
    const named = region.subnets.get(id)
    if (!named) return refuse('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`)
    if (zone !== undefined && named.AvailabilityZone !== zone)
      badValue('subnetId', id, `The subnet is in zone ${named.AvailabilityZone ?? ''}, not in ${zone}.`)
    return supported(region, named, need.type)
  }
  const vpcId = defaultVpc(region)
  const defaults = [...region.subnets.values()].filter((each) => each.DefaultForAz && each.VpcId === vpcId)
  const inZone = defaults.filter((each) => zone === undefined || each.AvailabilityZone === zone)
  const can = inZone.find(
    ({ AvailabilityZone = '' }) =>
      zonesWith(region, need.type).includes(AvailabilityZone) &&
      capacityRule(region.account, { ...need, zone: AvailabilityZone })?.left !== 0,
  )
  const chosen = can ?? inZone[0]
  if (!chosen) return refuse('MissingInput', `No default subnet for availability zone: '${zone ?? 'null'}'.`)
  return supported(region, chosen, need.type)
}

function supported(region: Region, subnet: Subnet, type: TypeFacts): Subnet {
  const zones = zonesWith(region, type)
  if (zones.includes(subnet.AvailabilityZone ?? '')) return subnet
  return refuse(
    'Unsupported',
    `Your requested instance type (${type.name}) is not supported in your requested Availability Zone (${subnet.AvailabilityZone ?? ''}). Please retry your request by not specifying an Availability Zone or choosing ${zones.join(', ')}.`,
  )
}

function groupsOf(region: Region, input: RunInstancesRequest, subnet: Subnet): SecurityGroup[] {
  const ids = nicOf(input)?.Groups ?? input.SecurityGroupIds ?? []
  const byId = ids.map((id) => groupById(region, id))
  const byName = (input.SecurityGroups ?? []).map((name) => groupByName(region, name))
  const groups = [...byId, ...byName]
  for (const group of groups)
    if (group.VpcId !== subnet.VpcId)
      refuse(
        'InvalidParameter',
        `Security group ${group.GroupId ?? ''} and subnet ${subnet.SubnetId ?? ''} belong to different networks.`,
      )
  if (groups.length > 0) return groups
  return [...region.groups.values()].filter(
    ({ VpcId, GroupName }) => VpcId === subnet.VpcId && GroupName === 'default',
  )
}

interface Place {
  readonly type: TypeFacts
  readonly spot: boolean
  readonly zone: string
}

function capacityRule(
  account: Account,
  { type, spot, zone }: Place,
): Account['capacity'][number] | undefined {
  const market = spot ? 'spot' : 'on-demand'
  return account.capacity.find(
    (rule) =>
      (rule.type === undefined || rule.type === type.name) &&
      (rule.zone === undefined || rule.zone === zone) &&
      (rule.market === undefined || rule.market === market),
  )
}

/** Limits, price and capacity, then the machines. A dry run does not ask for these. */
export function admit({ region, account }: Call<unknown>, plan: Plan): Machine[] {
  checkLimits(account, plan)
  checkPrice(plan)
  const zone = plan.subnet.AvailabilityZone ?? ''
  const rule = capacityRule(account, { ...plan, zone })
  if (rule && rule.left < plan.count) noCapacity(plan, zone, rule.code)
  if (rule) rule.left -= plan.count
  return launch(region, plan)
}

function checkLimits(account: Account, plan: Plan): void {
  const running = account
    .regions()
    .flatMap(({ machines }) => [...machines.values()])
    .filter((machine) => ['pending', 'running'].includes(stateOf(machine)))
  const spot = running.filter(({ instance }) => instance.InstanceLifecycle === 'spot')
  const { instances, vcpus, spotInstances } = account.limits
  if (plan.spot && spot.length + plan.count > spotInstances)
    refuse('MaxSpotInstanceCountExceeded', 'Max spot instance count exceeded')
  if (running.length + plan.count > instances)
    refuse(
      'InstanceLimitExceeded',
      `You have requested more instances (${running.length + plan.count}) than your current instance limit of ${instances} allows for the specified instance type.`,
    )
  const used = running.reduce((sum, { instance }) => sum + typeOf(instance.InstanceType ?? '').vcpus, 0)
  if (used + plan.type.vcpus * plan.count > vcpus)
    refuse(
      'VcpuLimitExceeded',
      `You have requested more vCPU capacity than your current vCPU limit of ${vcpus} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.`,
    )
}

function checkPrice({ input, type, spot }: Plan): void {
  const most = input.InstanceMarketOptions?.SpotOptions?.MaxPrice
  if (!spot || most === undefined) return
  if (!/^\d*\.?\d+$/.test(most)) badValue('price', most)
  if (Number(most) < type.spot)
    refuse(
      'SpotMaxPriceTooLow',
      `Your Spot request price of ${most} is lower than the minimum required Spot request fulfillment price of ${type.spot}.`,
    )
}

function noCapacity({ type, spot }: Plan, zone: string, code = 'InsufficientInstanceCapacity'): never {
  if (spot) return refuse(code, 'There is no Spot capacity available that matches your request.')
  return refuse(
    code,
    `We currently do not have sufficient ${type.name} capacity in the Availability Zone you requested (${zone}). Our system will be working on provisioning additional capacity.`,
  )
}
