import type { Filter, IpPermission, SecurityGroup } from '@aws-sdk/client-ec2'
import type { AccessRules, MachineSpec } from '../../contracts/driver.js'
import type { Resource } from '../../contracts/record.js'
import { pending, waitFor } from '../../util/wait.js'
import type { Firewalls } from '../common/cloud/access.js'
import type { CloudServer } from '../common/cloud/account.js'
import { FIREWALL, type Found, type Part, type PartRequest, serverOf } from '../common/cloud/part.js'
import { firewallName, STORE_TAG } from '../common/cloud/tags.js'
import { ConfigReader } from '../common/config-reader.js'
import type { Ec2Account } from './account.js'
import { ENGINE_PORT, readConfig } from './config.js'
import { ifThere, isRefusedWith } from './errors.js'
import { NAMED_GROUP } from './kinds.js'
import { networkOf } from './network.js'
import { type OpenPort, readPort } from './ports.js'
import { readTags, sharedTags, tagSpecifications } from './tags.js'

const ANYBODY = ['0.0.0.0/0', '::/0']
const FIRST_RULES: AccessRules = { ssh: ANYBODY, engine: [] }
/** A new group is not known everywhere at once. */
export const NEW_GROUP = ['InvalidGroup.NotFound', 'InvalidGroupId.NotFound']
const GONE = ['InvalidGroup.NotFound', 'InvalidGroupId.NotFound']
/** How long instances may take to end; `rm` as a whole has 180 s. */
const ENDING_MS = 140_000
/** How long a group may still be in use after its last instance has ended. */
const RELEASE_MS = 30_000

/** Machines of a store that have the same rules at the same place share one. */
const firewallPart: Part<Ec2Account> = {
  kind: FIREWALL,
  text: 'security group',
  shared: true,
  isUsedBy,
  keys: (spec) => (readConfig(spec.config).securityGroupReadonly ? [] : [groupName(spec)]),
  async find(account, request, signal) {
    const group = await ourGroup(account, request, signal)
    if (!group) return undefined
    // The process that made it may have been killed before it opened the ports.
    if (request.spec.access) await openPorts(account, group, request.spec, signal)
    return found(account, group)
  },
  async make(account, request, signal) {
    const { spec } = request
    const store = spec.machine.storeId.slice(0, 8)
    const group = await makeGroup(
      account,
      request,
      `SSH and engine of machines of tsmachine store ${store}`,
      signal,
    )
    const made = group ?? (await ourGroup(account, request, signal))
    if (made) await openPorts(account, made, spec, signal)
    return found(account, made ?? {})
  },
  untilFree,
  remove: deleteGroup,
}

/** Groups that the user named and that were not there: made without rules, as he means to add his own. */
export const namedGroupPart: Part<Ec2Account> = {
  kind: NAMED_GROUP,
  text: 'security group',
  shared: true,
  isUsedBy,
  keys({ config }) {
    const { securityGroups, securityGroupReadonly } = readConfig(config)
    return securityGroupReadonly ? [] : securityGroups
  },
  async find(account, { spec, key }, signal) {
    const [group] = await groupsNamed(account, spec, [key], signal)
    return group && found(account, group)
  },
  async make(account, request, signal) {
    const group = await makeGroup(
      account,
      request,
      'Made by tsmachine for --amazonec2-security-group',
      signal,
    )
    const [there] = group ? [group] : await groupsNamed(account, request.spec, [request.key], signal)
    return found(account, there ?? {})
  },
  untilFree,
  async remove(account, resource, machine, signal) {
    const asked = account.api.call('DescribeSecurityGroups', { GroupIds: [resource.id ?? ''] }, signal)
    const group = (await ifThere(asked, ...GONE))?.SecurityGroups?.[0]
    if (readTags(group?.Tags)[STORE_TAG] === machine.storeId)
      await deleteGroup(account, resource, machine, signal)
  },
}

export const firewalls: Firewalls<Ec2Account> = {
  part: firewallPart,
  async attach(account, serverId, { id = '' }, signal) {
    await account.setGroups(serverId, (now) => [...now, id], signal)
  },
  async detach(account, serverId, { id = '' }, signal) {
    await account.setGroups(serverId, (now) => now.filter((group) => group !== id), signal)
  },
}

/** Groups of these names in the VPC of a machine. */
export async function groupsNamed(
  account: Ec2Account,
  spec: Pick<MachineSpec, 'config' | 'resources'>,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly SecurityGroup[]> {
  if (names.length === 0) return []
  return await listGroups(
    account,
    [
      { Name: 'group-name', Values: [...names] },
      { Name: 'vpc-id', Values: [await vpcOf(account, spec, signal)] },
    ],
    signal,
  )
}

async function listGroups(
  account: Ec2Account,
  filters: readonly Filter[],
  signal: AbortSignal,
): Promise<readonly SecurityGroup[]> {
  const answer = await account.api.call('DescribeSecurityGroups', { Filters: [...filters] }, signal)
  return answer.SecurityGroups ?? []
}

async function ourGroup(
  account: Ec2Account,
  { spec, key }: PartRequest,
  signal: AbortSignal,
): Promise<SecurityGroup | undefined> {
  const [group] = await listGroups(
    account,
    [
      { Name: 'group-name', Values: [key] },
      { Name: `tag:${STORE_TAG}`, Values: [spec.machine.storeId] },
    ],
    signal,
  )
  return group
}

/** Undefined when there is one of this name. */
async function makeGroup(
  account: Ec2Account,
  { spec, key }: PartRequest,
  description: string,
  signal: AbortSignal,
): Promise<SecurityGroup | undefined> {
  const input = {
    GroupName: key,
    Description: description,
    VpcId: await vpcOf(account, spec, signal),
    TagSpecifications: tagSpecifications(sharedTags(spec), 'security-group'),
  }
  try {
    const { GroupId } = await account.api.call('CreateSecurityGroup', input, signal)
    return { GroupId, GroupName: key }
  } catch (error) {
    if (isRefusedWith(error, 'InvalidGroup.Duplicate')) return undefined
    throw error
  }
}

/** Where the instance is; before there is one, where it will be. */
async function vpcOf(
  account: Ec2Account,
  { config, resources }: Pick<MachineSpec, 'config' | 'resources'>,
  signal: AbortSignal,
): Promise<string> {
  const known = new ConfigReader(serverOf(resources)?.attributes ?? {}).string('vpcId')
  return known || (await networkOf(account, readConfig(config), signal)).vpcId
}

async function openPorts(
  account: Ec2Account,
  { GroupId, IpPermissions = [] }: SecurityGroup,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<void> {
  const there = new Set(IpPermissions.flatMap(flat).map(ruleText))
  const missing = rulesOf(spec).filter((rule) => !there.has(ruleText(rule)))
  if (missing.length === 0) return
  const input = { GroupId, IpPermissions: missing.map(permission) }
  try {
    await account.api.call('AuthorizeSecurityGroupIngress', input, signal, { settling: NEW_GROUP })
  } catch (error) {
    // The answer to an earlier try was lost.
    if (!isRefusedWith(error, 'InvalidPermission.Duplicate')) throw error
  }
}

/** One port, open to one range. */
interface Rule extends OpenPort {
  readonly cidr: string
}

function rulesOf({ access = FIRST_RULES, config }: MachineSpec): readonly Rule[] {
  const { sshPort, openPorts: more } = readConfig(config)
  const to = (port: number, cidrs: readonly string[]): Rule[] =>
    cidrs.map((cidr) => ({ port, protocol: 'tcp', cidr }))
  const open = more.flatMap((text) => {
    const port = readPort(text)
    return 'fault' in port ? [] : ANYBODY.map((cidr) => ({ ...port, cidr }))
  })
  const rules = [...to(sshPort, access.ssh), ...to(ENGINE_PORT, access.engine), ...open]
  return [...new Map(rules.map((rule) => [ruleText(rule), rule])).values()]
}

function ruleText({ port, protocol, cidr }: Rule): string {
  return `${protocol}/${port} ${cidr}`
}

function flat({ FromPort = 0, IpProtocol, IpRanges = [], Ipv6Ranges = [] }: IpPermission): Rule[] {
  const cidrs = [...IpRanges.map(({ CidrIp }) => CidrIp), ...Ipv6Ranges.map(({ CidrIpv6 }) => CidrIpv6)]
  const protocol = IpProtocol === 'udp' ? 'udp' : 'tcp'
  return cidrs.map((cidr = '') => ({ port: FromPort, protocol, cidr }))
}

function permission({ port, protocol, cidr }: Rule): IpPermission {
  const range = cidr.includes(':') ? { Ipv6Ranges: [{ CidrIpv6: cidr }] } : { IpRanges: [{ CidrIp: cidr }] }
  return { IpProtocol: protocol, FromPort: port, ToPort: port, ...range }
}

/** Names are looked up by store: place and ports must be part of them. */
function groupName(spec: MachineSpec): string {
  const { region, vpcId, subnetId, sshPort, openPorts: more } = readConfig(spec.config)
  const place = `at ${region} ${vpcId} ${subnetId} ${sshPort}`
  return firewallName(spec.machine.storeId, spec.access ?? FIRST_RULES, [place, ...more])
}

function isUsedBy({ firewalls: groups = [] }: CloudServer, { id }: Resource): boolean {
  return id !== undefined && groups.includes(id)
}

function found({ api }: Ec2Account, { GroupId = '' }: SecurityGroup): Found {
  return { id: GroupId, region: api.region }
}

/** Instances keep their groups until they are terminated, which takes them a minute or so. */
async function untilFree(account: Ec2Account, { id }: Resource, signal: AbortSignal): Promise<void> {
  if (id === undefined) return
  const Filters = [
    { Name: 'instance.group-id', Values: [id] },
    { Name: 'instance-state-name', Values: ['shutting-down'] },
  ]
  await waitFor(
    `instances of security group ${id} to end`,
    async (limit) => {
      const { Reservations = [] } = await account.api.call('DescribeInstances', { Filters }, limit)
      const ending = Reservations.flatMap(({ Instances = [] }) => Instances.map((each) => each.InstanceId))
      return ending.length > 0 ? pending(`${ending.join(', ')}: shutting-down`) : true
    },
    {
      deadlineMs: ENDING_MS,
      intervalMs: 1_000,
      maxIntervalMs: 5_000,
      hints: ['Instances take some minutes at times: try again.'],
      signal,
      clock: account.clock,
    },
  )
}

async function deleteGroup(
  account: Ec2Account,
  { id = '' }: Resource,
  _machine: unknown,
  signal: AbortSignal,
): Promise<void> {
  const asked = account.api.call('DeleteSecurityGroup', { GroupId: id }, signal, {
    settling: ['DependencyViolation'],
    deadlineMs: RELEASE_MS,
  })
  await ifThere(asked, ...GONE)
}
