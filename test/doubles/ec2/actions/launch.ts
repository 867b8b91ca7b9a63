/** Makes instances of a checked plan. */
import type { Instance, InstanceBlockDeviceMapping, InstanceNetworkInterface, Tag } from '@aws-sdk/client-ec2'
import { ACCOUNT } from '../catalogue.js'
import { openPortsOf } from '../firewall.js'
import { begin, stateNamed, stateOf } from '../life.js'
import type { Machine, Region } from '../state.js'
import type { Device } from './devices.js'
import { keyNamed } from './find.js'
import type { Plan } from './run.js'
import { tagsFor } from './tagged.js'

const TAGGED = ['instance', 'volume', 'network-interface', 'spot-instances-request'] as const

export function launch(region: Region, plan: Plan): Machine[] {
  const reservationId = region.account.id('r')
  return Array.from({ length: plan.count }, (_, at) => {
    const machine = makeMachine(region, plan, { reservationId, at })
    region.machines.set(machine.id, machine)
    powerOn(region, machine, plan)
    return machine
  })
}

function powerOn(region: Region, machine: Machine, plan: Plan): void {
  const strangeKey = plan.devices.find(({ kmsKey }) => kmsKey && !region.account.kmsKeys.has(kmsKey))
  const death = strangeKey
    ? { code: 'Client.InternalError', message: 'Client.InternalError: Client error on launch' }
    : region.account.deaths.shift()
  if (!death) {
    const opened = openPortsOf(region, machine)
    begin(
      region,
      machine,
      { over: 'pending', to: 'running' },
      opened.then(() => machine.guest.powerOn()),
    )
    return
  }
  machine.lastWords = death.console ?? ''
  machine.instance.StateReason = { Code: death.code, Message: death.message }
  begin(region, machine, { over: 'pending', to: 'terminated' }, Promise.resolve())
}

function makeMachine(region: Region, plan: Plan, of: { reservationId: string; at: number }): Machine {
  const { input, userData, wantsPublic } = plan
  const id = region.account.id('i')
  const key = input.KeyName === undefined ? undefined : keyNamed(region, input.KeyName)
  const guest = region.account.guests.make({
    id,
    name: id,
    userData,
    publicKeys: key?.PublicKey ? [key.PublicKey] : [],
  })
  const instance = makeInstance(region, plan, { id, at: of.at })
  const machine: Machine = {
    id,
    instance,
    guest,
    userData,
    wantsPublic,
    reservationId: of.reservationId,
    rebooting: false,
    unseen: region.account.unseen,
    terminationProtected: input.DisableApiTermination ?? false,
  }
  guest.onOff(() => poweredOff(region, machine, input.InstanceInitiatedShutdownBehavior))
  return machine
}

/** The guest switched itself off. */
function poweredOff(region: Region, machine: Machine, behaviour = 'stop'): void {
  if (stateOf(machine) !== 'running' || machine.rebooting) return
  machine.instance.StateReason = {
    Code: 'Client.InstanceInitiatedShutdown',
    Message: 'Client.InstanceInitiatedShutdown: Instance initiated shutdown',
  }
  if (behaviour === 'terminate')
    begin(region, machine, { over: 'shutting-down', to: 'terminated' }, machine.guest.end())
  else begin(region, machine, { over: 'stopping', to: 'stopped' }, Promise.resolve())
}

function makeInstance(region: Region, plan: Plan, of: { id: string; at: number }): Instance {
  const { input, image, type, subnet, groups } = plan
  const { account } = region
  const address = input.PrivateIpAddress ?? privateAddress(region, subnet.CidrBlock ?? '')
  const shownGroups = groups.map(({ GroupId, GroupName }) => ({ GroupId, GroupName }))
  const wishes = input.NetworkInterfaces?.[0]?.Ipv6AddressCount ?? 0
  const ipv6 = Array.from({ length: wishes }, (_, at) => `2001:db8::${region.machines.size + 1}:${at + 1}`)
  const nic: InstanceNetworkInterface = {
    NetworkInterfaceId: account.id('eni'),
    SubnetId: subnet.SubnetId,
    VpcId: subnet.VpcId,
    PrivateIpAddress: address,
    Status: 'in-use',
    OwnerId: ACCOUNT,
    Groups: shownGroups,
    Ipv6Addresses: ipv6.map((Ipv6Address) => ({ Ipv6Address })),
    Attachment: { DeviceIndex: 0, Status: 'attached', DeleteOnTermination: true },
  }
  return {
    InstanceId: of.id,
    ImageId: image.id,
    InstanceType: type.name as Instance['InstanceType'],
    Architecture: type.arch,
    State: stateNamed('pending'),
    LaunchTime: account.clock.now(),
    AmiLaunchIndex: of.at,
    KeyName: input.KeyName,
    ClientToken: input.ClientToken ?? '',
    Monitoring: { State: input.Monitoring?.Enabled ? 'pending' : 'disabled' },
    Placement: { AvailabilityZone: subnet.AvailabilityZone, Tenancy: input.Placement?.Tenancy ?? 'default' },
    SubnetId: subnet.SubnetId,
    VpcId: subnet.VpcId,
    PrivateIpAddress: address,
    Ipv6Address: ipv6[0],
    PrivateDnsName: `ip-${address.replaceAll('.', '-')}.${region.name}.compute.internal`,
    PublicDnsName: '',
    SecurityGroups: shownGroups,
    NetworkInterfaces: [nic],
    RootDeviceName: image.device,
    RootDeviceType: 'ebs',
    BlockDeviceMappings: plan.devices.map((each) => makeVolume(region, plan, { device: each, on: of.id })),
    EbsOptimized: input.EbsOptimized ?? false,
    EnaSupport: true,
    Hypervisor: 'xen',
    VirtualizationType: 'hvm',
    IamInstanceProfile: profile(input.IamInstanceProfile?.Name ?? input.IamInstanceProfile?.Arn),
    MetadataOptions: metadata(input.MetadataOptions ?? {}),
    ...spotFields(region, plan, of.id),
    Tags: tagsFor(input.TagSpecifications, 'instance', TAGGED),
  }
}

function profile(name: string | undefined): Instance['IamInstanceProfile'] {
  if (name === undefined) return undefined
  const arn = name.startsWith('arn:') ? name : `arn:aws:iam::${ACCOUNT}:instance-profile/${name}`
  return { Arn: arn, Id: 'AIPADOUBLE' }
}

function metadata(asked: NonNullable<Plan['input']['MetadataOptions']>): Instance['MetadataOptions'] {
  return {
    State: 'applied',
    HttpTokens: asked.HttpTokens ?? 'optional',
    HttpPutResponseHopLimit: asked.HttpPutResponseHopLimit ?? 1,
    HttpEndpoint: asked.HttpEndpoint ?? 'enabled',
    HttpProtocolIpv6: asked.HttpProtocolIpv6 ?? 'disabled',
    InstanceMetadataTags: asked.InstanceMetadataTags ?? 'disabled',
  }
}

function makeVolume(
  region: Region,
  plan: Plan,
  { device, on }: { device: Device; on: string },
): InstanceBlockDeviceMapping {
  const id = region.account.id('vol')
  const now = region.account.clock.now()
  const tags: Tag[] = tagsFor(plan.input.TagSpecifications, 'volume', TAGGED)
  region.volumes.set(id, {
    VolumeId: id,
    Size: device.gib,
    VolumeType: device.type,
    Encrypted: device.encrypted,
    KmsKeyId: device.kmsKey,
    Iops: device.iops,
    Throughput: device.throughput,
    SnapshotId: device.snapshot,
    AvailabilityZone: plan.subnet.AvailabilityZone,
    State: 'in-use',
    CreateTime: now,
    Attachments: [
      {
        InstanceId: on,
        VolumeId: id,
        Device: device.name,
        State: 'attached',
        AttachTime: now,
        DeleteOnTermination: device.deleted,
      },
    ],
    Tags: tags,
  })
  const ebs = {
    VolumeId: id,
    Status: 'attached' as const,
    AttachTime: now,
    DeleteOnTermination: device.deleted,
  }
  return { DeviceName: device.name, Ebs: ebs }
}

function spotFields(region: Region, plan: Plan, id: string): Partial<Instance> {
  if (!plan.spot) return {}
  const { account } = region
  const options = plan.input.InstanceMarketOptions?.SpotOptions
  const requestId = account.id('sir')
  region.spotRequests.set(requestId, {
    SpotInstanceRequestId: requestId,
    InstanceId: id,
    State: 'active',
    Status: { Code: 'fulfilled', Message: 'Your spot request is fulfilled.' },
    Type: options?.SpotInstanceType ?? 'one-time',
    InstanceInterruptionBehavior: options?.InstanceInterruptionBehavior ?? 'terminate',
    SpotPrice: options?.MaxPrice ?? (plan.type.spot * 4).toFixed(6),
    LaunchedAvailabilityZone: plan.subnet.AvailabilityZone,
    ProductDescription: 'Linux/UNIX',
    CreateTime: account.clock.now(),
    Tags: tagsFor(plan.input.TagSpecifications, 'spot-instances-request', TAGGED),
  })
  return { InstanceLifecycle: 'spot', SpotInstanceRequestId: requestId }
}

/** The next of the subnet's range. */
function privateAddress(region: Region, cidr: string): string {
  const [a = 172, b = 31, c = 0] = cidr.split('/')[0]?.split('.').map(Number) ?? []
  const used = region.machines.size + 10
  return `${a}.${b}.${c + (Math.floor(used / 250) % 16)}.${used % 250}`
}
