import type {
  DescribeInstanceAttributeRequest,
  InstanceAttribute,
  InstanceMetadataOptionsResponse,
  ModifyInstanceAttributeRequest,
  ModifyInstanceMetadataOptionsRequest,
  ModifyInstanceMetadataOptionsResult,
} from '@aws-sdk/client-ec2'
import { refuse } from '../errors.js'
import { firewallChanged } from '../firewall.js'
import { stateOf } from '../life.js'
import type { Action, Machine } from '../state.js'
import { groupById, machinesOf } from './find.js'

const SHOWN: Readonly<Record<string, (machine: Machine) => Partial<InstanceAttribute>>> = {
  disableApiTermination: ({ terminationProtected }) => ({
    DisableApiTermination: { Value: terminationProtected },
  }),
  userData: ({ userData }) => ({ UserData: { Value: Buffer.from(userData).toString('base64') } }),
  instanceType: ({ instance }) => ({ InstanceType: { Value: instance.InstanceType } }),
  groupSet: ({ instance }) => ({ Groups: instance.SecurityGroups }),
  ebsOptimized: ({ instance }) => ({ EbsOptimized: { Value: instance.EbsOptimized } }),
}

export const describeInstanceAttribute: Action<DescribeInstanceAttributeRequest, InstanceAttribute> = ({
  input,
  region,
}) => {
  const [machine] = machinesOf(region, [input.InstanceId ?? ''])
  const show = SHOWN[input.Attribute ?? '']
  if (!machine || !show)
    return refuse(
      'InvalidParameterValue',
      `Value (${input.Attribute ?? ''}) for parameter attribute is invalid.`,
    )
  return { InstanceId: machine.id, ...show(machine) }
}

export const modifyInstanceAttribute: Action<ModifyInstanceAttributeRequest, object> = async ({
  input,
  region,
}) => {
  const [machine] = machinesOf(region, [input.InstanceId ?? ''])
  if (!machine) return {}
  if (input.DisableApiTermination) machine.terminationProtected = input.DisableApiTermination.Value ?? false
  if (input.InstanceType) changeType(machine, input.InstanceType.Value ?? '')
  if (input.Groups) {
    const groups = input.Groups.map((id) => groupById(region, id))
    const shown = groups.map(({ GroupId, GroupName }) => ({ GroupId, GroupName }))
    machine.instance.SecurityGroups = shown
    for (const nic of machine.instance.NetworkInterfaces ?? []) nic.Groups = shown
    for (const group of groups) await firewallChanged(region, group)
  }
  return {}
}

function changeType(machine: Machine, type: string): void {
  if (stateOf(machine) !== 'stopped')
    refuse('IncorrectInstanceState', `The instance '${machine.id}' is not in the 'stopped' state.`)
  machine.instance.InstanceType = type as Machine['instance']['InstanceType']
}

export const modifyInstanceMetadataOptions: Action<
  ModifyInstanceMetadataOptionsRequest,
  ModifyInstanceMetadataOptionsResult
> = ({ input, region }) => {
  const [machine] = machinesOf(region, [input.InstanceId ?? ''])
  const { InstanceId, DryRun: _dry, ...options } = input
  const now: InstanceMetadataOptionsResponse = {
    ...machine?.instance.MetadataOptions,
    ...options,
    State: 'applied',
  }
  if (machine) machine.instance.MetadataOptions = now
  return { InstanceId, InstanceMetadataOptions: now }
}
