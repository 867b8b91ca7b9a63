import type {
  DescribeInstancesRequest,
  DescribeInstancesResult,
  DescribeInstanceStatusRequest,
  DescribeInstanceStatusResult,
  GetConsoleOutputRequest,
  GetConsoleOutputResult,
  Instance,
  InstanceStateChange,
  RebootInstancesRequest,
  Reservation,
  StartInstancesRequest,
  StartInstancesResult,
  StopInstancesRequest,
  StopInstancesResult,
  TerminateInstancesRequest,
  TerminateInstancesResult,
} from '@aws-sdk/client-ec2'
import { refuse } from '../errors.js'
import { type Fields, filtered, page } from '../filters.js'
import { openPortsOf } from '../firewall.js'
import { begin, stateNamed, stateOf } from '../life.js'
import type { Action, Machine, Region } from '../state.js'
import { reservation } from './run.js'
import { machinesOf } from './find.js'

const FIELDS: Fields<Instance> = {
  'instance-id': (each) => each.InstanceId,
  'instance-state-name': (each) => each.State?.Name,
  'instance-state-code': (each) => each.State?.Code,
  'instance-type': (each) => each.InstanceType,
  'instance-lifecycle': (each) => each.InstanceLifecycle,
  'client-token': (each) => each.ClientToken,
  'image-id': (each) => each.ImageId,
  'key-name': (each) => each.KeyName,
  'availability-zone': (each) => each.Placement?.AvailabilityZone,
  'subnet-id': (each) => each.SubnetId,
  'vpc-id': (each) => each.VpcId,
  architecture: (each) => each.Architecture,
  'ip-address': (each) => each.PublicIpAddress,
  'private-ip-address': (each) => each.PrivateIpAddress,
  'instance.group-id': (each) => each.SecurityGroups?.map(({ GroupId }) => GroupId),
  'instance.group-name': (each) => each.SecurityGroups?.map(({ GroupName }) => GroupName),
  'network-interface.group-id': (each) => each.SecurityGroups?.map(({ GroupId }) => GroupId),
  'spot-instance-request-id': (each) => each.SpotInstanceRequestId,
  'root-device-name': (each) => each.RootDeviceName,
  'block-device-mapping.volume-id': (each) => each.BlockDeviceMappings?.map(({ Ebs }) => Ebs?.VolumeId),
}

export const describeInstances: Action<DescribeInstancesRequest, DescribeInstancesResult> = ({
  input,
  region,
}) => {
  if (input.InstanceIds && input.MaxResults !== undefined)
    refuse(
      'InvalidParameterCombination',
      'The parameter instancesSet cannot be used with the parameter maxResults',
    )
  const seen = seenMachines(region)
  const asked = input.InstanceIds ? machinesOf(region, input.InstanceIds, seen) : [...seen.values()]
  const passing = new Set(
    filtered(
      asked.map(({ instance }) => instance),
      input.Filters,
      FIELDS,
    ),
  )
  const found = asked.filter(({ instance }) => passing.has(instance))
  const { items, NextToken } = page(found, input)
  return { Reservations: reservations(items), NextToken }
}

/** Those that are known everywhere: lists lag behind launches, and so does termination. */
function seenMachines({ machines }: Region): ReadonlyMap<string, Machine> {
  return new Map([...machines].filter(([, machine]) => machine.unseen-- <= 0))
}

/** Instances of one launch are shown together. */
function reservations(machines: readonly Machine[]): Reservation[] {
  const groups = new Map<string, Machine[]>()
  for (const machine of machines)
    groups.set(machine.reservationId, [...(groups.get(machine.reservationId) ?? []), machine])
  return [...groups.values()].map((group) => reservation(group))
}

export const describeInstanceStatus: Action<DescribeInstanceStatusRequest, DescribeInstanceStatusResult> = ({
  input,
  region,
}) => {
  const asked = input.InstanceIds ? machinesOf(region, input.InstanceIds) : [...region.machines.values()]
  const shown = asked.filter(
    (machine) => input.IncludeAllInstances === true || stateOf(machine) === 'running',
  )
  const { items, NextToken } = page(shown, input)
  const ok = {
    Status: 'ok' as const,
    Details: [{ Name: 'reachability' as const, Status: 'passed' as const }],
  }
  return {
    InstanceStatuses: items.map(({ instance }) => ({
      InstanceId: instance.InstanceId,
      AvailabilityZone: instance.Placement?.AvailabilityZone,
      InstanceState: instance.State,
      InstanceStatus: ok,
      SystemStatus: ok,
      Events: [],
    })),
    NextToken,
  }
}

function changed(machine: Machine, act: () => void): InstanceStateChange {
  const before = stateOf(machine)
  act()
  return {
    InstanceId: machine.id,
    PreviousState: stateNamed(before),
    CurrentState: stateNamed(stateOf(machine)),
  }
}

function wrongState({ id }: Machine, verb: string): never {
  return refuse(
    'IncorrectInstanceState',
    `The instance '${id}' is not in a state from which it can be ${verb}.`,
  )
}

export const startInstances: Action<StartInstancesRequest, StartInstancesResult> = ({ input, region }) => {
  const machines = machinesOf(region, input.InstanceIds ?? [])
  for (const machine of machines)
    if (!['stopped', 'pending', 'running'].includes(stateOf(machine))) wrongState(machine, 'started')
  const start = (machine: Machine): void => {
    if (stateOf(machine) !== 'stopped') return
    delete machine.instance.StateReason
    const opened = openPortsOf(region, machine)
    begin(
      region,
      machine,
      { over: 'pending', to: 'running' },
      opened.then(() => machine.guest.powerOn()),
    )
  }
  return { StartingInstances: machines.map((machine) => changed(machine, () => start(machine))) }
}

export const stopInstances: Action<StopInstancesRequest, StopInstancesResult> = ({ input, region }) => {
  const machines = machinesOf(region, input.InstanceIds ?? [])
  for (const machine of machines) {
    if (!['running', 'pending', 'stopping', 'stopped'].includes(stateOf(machine)))
      wrongState(machine, 'stopped')
    refuseOneTimeSpot(region, machine)
  }
  const stop = (machine: Machine): void => {
    if (!['running', 'pending', ...(input.Force ? ['stopping'] : [])].includes(stateOf(machine))) return
    because(machine, 'Client.UserInitiatedShutdown', 'User initiated', region)
    const off = input.Force ? machine.guest.powerOff() : softly(machine)
    begin(region, machine, { over: 'stopping', to: 'stopped' }, off)
  }
  return { StoppingInstances: machines.map((machine) => changed(machine, () => stop(machine))) }
}

/** EC2 pulls the plug of a guest that does not listen. */
function softly({ guest }: Machine): Promise<void> {
  return guest.shutdown().catch(() => guest.powerOff())
}

function because({ instance }: Machine, code: string, words: string, region: Region): void {
  instance.StateReason = { Code: code, Message: `${code}: ${words}` }
  instance.StateTransitionReason = `${words} (${region.account.clock.now().toISOString()})`
}

function refuseOneTimeSpot(region: Region, { id, instance }: Machine): void {
  const request = region.spotRequests.get(instance.SpotInstanceRequestId ?? '')
  if (request?.Type === 'one-time')
    refuse(
      'UnsupportedOperation',
      `You can't stop the Spot Instance '${id}' because it is associated with a one-time Spot Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests.`,
    )
}

/** The answer does not wait for it. */
export const rebootInstances: Action<RebootInstancesRequest, object> = ({ input, region }) => {
  const machines = machinesOf(region, input.InstanceIds ?? [])
  for (const machine of machines) if (stateOf(machine) !== 'running') wrongState(machine, 'rebooted')
  for (const machine of machines) {
    machine.rebooting = true
    void machine.guest.reboot().finally(() => (machine.rebooting = false))
  }
  return {}
}

/** One that may not be terminated keeps all of the request; one that is gone is terminated again, without effect. */
export const terminateInstances: Action<TerminateInstancesRequest, TerminateInstancesResult> = ({
  input,
  region,
}) => {
  const machines = machinesOf(region, input.InstanceIds ?? [], seenMachines(region))
  for (const { id, terminationProtected } of machines)
    if (terminationProtected)
      refuse(
        'OperationNotPermitted',
        `The instance '${id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
      )
  const end = (machine: Machine): void => {
    if (['shutting-down', 'terminated'].includes(stateOf(machine))) return
    because(machine, 'Client.UserInitiatedShutdown', 'User initiated', region)
    begin(region, machine, { over: 'shutting-down', to: 'terminated' }, machine.guest.end())
  }
  return { TerminatingInstances: machines.map((machine) => changed(machine, () => end(machine))) }
}

const CONSOLE_LIMIT = 64 * 1024

export const getConsoleOutput: Action<GetConsoleOutputRequest, GetConsoleOutputResult> = ({
  input,
  region,
  account,
}) => {
  const [machine] = machinesOf(region, [input.InstanceId ?? ''])
  const text = machine?.lastWords ?? machine?.guest.console() ?? ''
  return {
    InstanceId: input.InstanceId,
    Timestamp: account.clock.now(),
    Output: Buffer.from(text).subarray(-CONSOLE_LIMIT).toString('base64'),
  }
}
