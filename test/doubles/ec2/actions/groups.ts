import type {
  AuthorizeSecurityGroupEgressRequest,
  AuthorizeSecurityGroupIngressRequest,
  AuthorizeSecurityGroupIngressResult,
  CreateSecurityGroupRequest,
  CreateSecurityGroupResult,
  DeleteSecurityGroupRequest,
  DeleteSecurityGroupResult,
  DescribeSecurityGroupsRequest,
  DescribeSecurityGroupsResult,
  IpPermission,
  RevokeSecurityGroupIngressRequest,
  RevokeSecurityGroupIngressResult,
  SecurityGroup,
} from '@aws-sdk/client-ec2'
import { badValue, refuse } from '../errors.js'
import { filtered, page } from '../filters.js'
import { firewallChanged } from '../firewall.js'
import { isAlive } from '../life.js'
import { contains, flat, type Rule, ruleText, unflat } from '../rules.js'
import type { Action, Region } from '../state.js'
import { tagsFor } from './tagged.js'
import { defaultVpc, groupById, groupByName } from './find.js'

const NAME = /^[a-zA-Z0-9 ._\-:/()#,@[\]+=&;{}!$*]{1,255}$/
const MOST_RULES = 60

export const createSecurityGroup: Action<CreateSecurityGroupRequest, CreateSecurityGroupResult> = ({
  input,
  region,
}) => {
  const { GroupName: name = '', Description: description = '' } = input
  if (!NAME.test(name)) badValue('GroupName', name, 'Character sets beyond ASCII are not supported.')
  if (name.startsWith('sg-')) badValue('GroupName', name, 'Group names may not be in the format sg-*.')
  if (!NAME.test(description)) badValue('GroupDescription', description)
  const vpcId = input.VpcId ?? defaultVpc(region)
  if (!region.vpcs.has(vpcId)) refuse('InvalidVpcID.NotFound', `The vpc ID '${vpcId}' does not exist`)
  const taken = [...region.groups.values()].some((group) => group.VpcId === vpcId && group.GroupName === name)
  if (taken)
    refuse('InvalidGroup.Duplicate', `The security group '${name}' already exists for VPC '${vpcId}'`)
  const tags = tagsFor(input.TagSpecifications, 'security-group')
  return { GroupId: region.addGroup(vpcId, name, description, tags).GroupId, Tags: tags }
}

interface Named {
  readonly GroupId?: string | undefined
  readonly GroupName?: string | undefined
}

function named(region: Region, { GroupId, GroupName }: Named): SecurityGroup {
  if (GroupId !== undefined) return groupById(region, GroupId)
  if (GroupName !== undefined) return groupByName(region, GroupName)
  return refuse('MissingParameter', 'The request must contain the parameter groupName or groupId')
}

export const describeSecurityGroups: Action<DescribeSecurityGroupsRequest, DescribeSecurityGroupsResult> = ({
  input,
  region,
}) => {
  for (const id of input.GroupIds ?? []) groupById(region, id)
  for (const name of input.GroupNames ?? []) groupByName(region, name)
  const asked = [...region.groups.values()].filter(
    ({ GroupId = '', GroupName = '' }) =>
      (input.GroupIds?.includes(GroupId) ?? true) && (input.GroupNames?.includes(GroupName) ?? true),
  )
  const found = filtered(asked, input.Filters, {
    'group-id': (group) => group.GroupId,
    'group-name': (group) => group.GroupName,
    'vpc-id': (group) => group.VpcId,
    description: (group) => group.Description,
    'owner-id': (group) => group.OwnerId,
    'ip-permission.from-port': (group) => group.IpPermissions?.map(({ FromPort }) => FromPort),
    'ip-permission.to-port': (group) => group.IpPermissions?.map(({ ToPort }) => ToPort),
    'ip-permission.cidr': (group) =>
      group.IpPermissions?.flatMap(({ IpRanges }) => IpRanges?.map(({ CidrIp }) => CidrIp) ?? []),
  })
  const { items, NextToken } = page(found, input)
  return { SecurityGroups: items, NextToken }
}

export const deleteSecurityGroup: Action<DeleteSecurityGroupRequest, DeleteSecurityGroupResult> = ({
  input,
  region,
}) => {
  const group = named(region, input)
  const { GroupId: id = '', GroupName: name = '' } = group
  if (name === 'default')
    refuse('CannotDelete', `the specified group: "${id}" name: "default" cannot be deleted by a user`)
  if (isUsed(region, id)) refuse('DependencyViolation', `resource ${id} has a dependent object`)
  region.groups.delete(id)
  return { Return: true, GroupId: id }
}

function isUsed(region: Region, id: string): boolean {
  const byMachines = [...region.machines.values()].some(
    (machine) => isAlive(machine) && machine.instance.SecurityGroups?.some(({ GroupId }) => GroupId === id),
  )
  const byGroups = [...region.groups.values()].some(
    (group) =>
      group.GroupId !== id &&
      group.IpPermissions?.some(({ UserIdGroupPairs }) =>
        UserIdGroupPairs?.some(({ GroupId }) => GroupId === id),
      ),
  )
  return byMachines || byGroups
}

type Change = AuthorizeSecurityGroupIngressRequest | RevokeSecurityGroupIngressRequest

/** Rules of a request in its long form, or in the short one with a single range. */
function rulesOf(input: Change): Rule[] {
  const short: IpPermission = {
    IpProtocol: input.IpProtocol,
    FromPort: input.FromPort,
    ToPort: input.ToPort,
    IpRanges: input.CidrIp === undefined ? [] : [{ CidrIp: input.CidrIp }],
  }
  if (input.IpPermissions && input.IpProtocol !== undefined)
    refuse(
      'InvalidParameterCombination',
      'The parameter ipProtocol cannot be used with the parameter ipPermissions',
    )
  const permissions = input.IpPermissions ?? (input.IpProtocol === undefined ? [] : [short])
  if (permissions.length === 0)
    refuse('MissingParameter', 'The request must contain the parameter ipPermissions')
  return flat(permissions)
}

export const authorizeSecurityGroupIngress: Action<
  AuthorizeSecurityGroupIngressRequest,
  AuthorizeSecurityGroupIngressResult
> = async ({ input, region, account }) => {
  const group = named(region, input)
  const rules = rulesOf(input)
  const tags = tagsFor(input.TagSpecifications, 'security-group-rule')
  const present = flat(group.IpPermissions ?? [])
  for (const rule of rules)
    if (contains(present, rule))
      refuse('InvalidPermission.Duplicate', `the specified rule "${ruleText(rule)}" already exists`)
  if (present.length + rules.length > MOST_RULES)
    refuse(
      'RulesPerSecurityGroupLimitExceeded',
      'The maximum number of rules per security group has been reached.',
    )
  group.IpPermissions = unflat([...present, ...rules])
  await firewallChanged(region, group)
  return {
    Return: true,
    SecurityGroupRules: rules.map(({ protocol, from, to, peer, description }) => ({
      SecurityGroupRuleId: account.id('sgr'),
      GroupId: group.GroupId,
      GroupOwnerId: group.OwnerId,
      IsEgress: false,
      IpProtocol: protocol,
      FromPort: from,
      ToPort: to,
      ...(peer.kind === 'IpRanges' ? { CidrIpv4: peer.value } : {}),
      ...(peer.kind === 'Ipv6Ranges' ? { CidrIpv6: peer.value } : {}),
      Description: description,
      Tags: tags,
    })),
  }
}

/** Unlike authorize, one rule that is not there leaves all as it was. */
export const revokeSecurityGroupIngress: Action<
  RevokeSecurityGroupIngressRequest,
  RevokeSecurityGroupIngressResult
> = async ({ input, region }) => {
  const group = named(region, input)
  const rules = rulesOf(input)
  const present = flat(group.IpPermissions ?? [])
  if (rules.some((rule) => !contains(present, rule)))
    refuse('InvalidPermission.NotFound', 'The specified rule does not exist in this security group.')
  group.IpPermissions = unflat(present.filter((rule) => !contains(rules, rule)))
  await firewallChanged(region, group)
  return { Return: true }
}

/** What goes out is not looked at; it is only kept. */
export const authorizeSecurityGroupEgress: Action<AuthorizeSecurityGroupEgressRequest, object> = ({
  input,
  region,
}) => {
  const group = groupById(region, input.GroupId ?? '')
  group.IpPermissionsEgress = [...(group.IpPermissionsEgress ?? []), ...(input.IpPermissions ?? [])]
  return { Return: true }
}
