/** What an EC2 says to the calls that a driver makes, without what differs from one EC2 to the next (ids, addresses). */
import * as sdk from '@aws-sdk/client-ec2'
import { generateKeyPairSync } from 'node:crypto'

export interface Trip {
  readonly ec2: sdk.EC2Client
  /** Found on the way, for later steps. */
  readonly found: Record<string, string>
}

export type Step = (trip: Trip) => Promise<unknown>

const CANONICAL = '099720109477'
const NOBODY = '0123456789abcdef0'

/** The code of a refusal, or what `facts` makes of the answer. */
async function outcome<T>(
  promise: Promise<T>,
  facts: (answer: T) => unknown = () => 'done',
): Promise<unknown> {
  try {
    return facts(await promise)
  } catch (error) {
    return `refused: ${error instanceof Error ? error.name : 'unknown'}`
  }
}

/** Which of these an answer has. */
function present<T extends object>(
  answer: T | undefined,
  names: readonly (keyof T & string)[],
): readonly string[] {
  return names.filter((name) => answer?.[name] !== undefined)
}

export const KEY = opensshKey()

function opensshKey(): Buffer {
  const jwk = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const field = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes])
  const blob = Buffer.concat([
    field(Buffer.from('ssh-ed25519')),
    field(Buffer.from(jwk.x ?? '', 'base64url')),
  ])
  return Buffer.from(`ssh-ed25519 ${blob.toString('base64')} facts`)
}

const SSH: sdk.IpPermission = {
  IpProtocol: 'tcp',
  FromPort: 22,
  ToPort: 22,
  IpRanges: [{ CidrIp: '0.0.0.0/0', Description: 'ssh' }],
}

function wish({ found }: Trip, more: Partial<sdk.RunInstancesCommandInput> = {}): sdk.RunInstancesCommand {
  return new sdk.RunInstancesCommand({
    ImageId: found['image'],
    InstanceType: 't3.small',
    MinCount: 1,
    MaxCount: 1,
    KeyName: 'facts',
    SecurityGroupIds: [found['group'] ?? ''],
    UserData: Buffer.from('#cloud-config\n{}\n').toString('base64'),
    TagSpecifications: [
      { ResourceType: 'instance', Tags: [{ Key: 'tsmachine-name', Value: 'web' }] },
      { ResourceType: 'volume', Tags: [{ Key: 'tsmachine-name', Value: 'web' }] },
    ],
    ...more,
  })
}

async function instance({ ec2, found }: Trip): Promise<sdk.Instance> {
  const answer = await ec2.send(new sdk.DescribeInstancesCommand({ InstanceIds: [found['instance'] ?? ''] }))
  return answer.Reservations?.[0]?.Instances?.[0] ?? {}
}

/** Looks until it is in one of its lasting states. */
async function settled(trip: Trip): Promise<sdk.Instance> {
  for (let look = 0; look < 20; look++) {
    const seen = await instance(trip)
    if (['running', 'stopped', 'terminated'].includes(seen.State?.Name ?? '')) return seen
  }
  throw new Error('the instance never settles')
}

const protect = ({ ec2, found }: Trip, Value: boolean): Promise<unknown> =>
  outcome(
    ec2.send(
      new sdk.ModifyInstanceAttributeCommand({
        InstanceId: found['instance'],
        DisableApiTermination: { Value },
      }),
    ),
  )

const volumes = ({ ec2, found }: Trip, facts: (volume: sdk.Volume) => unknown): Promise<unknown> => {
  const mine = { Name: 'attachment.instance-id', Values: [found['instance'] ?? ''] }
  return outcome(ec2.send(new sdk.DescribeVolumesCommand({ Filters: [mine] })), ({ Volumes }) =>
    Volumes?.map(facts),
  )
}

const sees = (trip: Trip, filter: sdk.Filter): Promise<unknown> =>
  outcome(
    trip.ec2.send(new sdk.DescribeInstancesCommand({ Filters: [filter] })),
    ({ Reservations }) => Reservations?.length,
  )

/** In the order of a life; each has a name for the test's words. */
export const STEPS: Readonly<Record<string, Step>> = {
  regions: ({ ec2 }) =>
    outcome(ec2.send(new sdk.DescribeRegionsCommand({ RegionNames: ['us-east-1'] })), ({ Regions }) =>
      Regions?.map(({ RegionName }) => RegionName),
    ),
  zones: ({ ec2 }) =>
    outcome(ec2.send(new sdk.DescribeAvailabilityZonesCommand({})), ({ AvailabilityZones }) =>
      AvailabilityZones?.map(({ ZoneName, State }) => `${ZoneName} ${State}`),
    ),
  'a subnet that is not there': ({ ec2 }) =>
    outcome(ec2.send(new sdk.DescribeSubnetsCommand({ SubnetIds: [`subnet-${NOBODY}`] }))),
  'the default VPC': ({ ec2, found }) =>
    outcome(
      ec2.send(new sdk.DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['true'] }] })),
      ({ Vpcs }) => {
        found['vpc'] = Vpcs?.[0]?.VpcId ?? ''
        return Vpcs?.map(({ IsDefault, State, CidrBlock }) => [IsDefault, State, CidrBlock])
      },
    ),
  'its subnets': ({ ec2, found }) =>
    outcome(
      ec2.send(
        new sdk.DescribeSubnetsCommand({
          Filters: [
            { Name: 'vpc-id', Values: [found['vpc'] ?? ''] },
            { Name: 'default-for-az', Values: ['true'] },
          ],
        }),
      ),
      ({ Subnets }) =>
        Subnets?.map(({ AvailabilityZone, MapPublicIpOnLaunch }) => [
          AvailabilityZone,
          MapPublicIpOnLaunch,
        ]).sort(),
    ),
  'images of an owner': ({ ec2, found }) =>
    outcome(
      ec2.send(
        new sdk.DescribeImagesCommand({
          Owners: [CANONICAL],
          Filters: [
            { Name: 'name', Values: ['ubuntu/images/*-amd64-server-*'] },
            { Name: 'architecture', Values: ['x86_64'] },
            { Name: 'root-device-type', Values: ['ebs'] },
          ],
        }),
      ),
      ({ Images = [] }) => {
        const newest = [...Images]
          .sort((a, b) => (a.CreationDate ?? '').localeCompare(b.CreationDate ?? ''))
          .pop()
        found['image'] = newest?.ImageId ?? ''
        found['device'] = newest?.RootDeviceName ?? ''
        const fields = [
          'ImageId',
          'Name',
          'OwnerId',
          'CreationDate',
          'RootDeviceName',
          'BlockDeviceMappings',
        ] as const
        return [
          present(newest, fields),
          newest?.State,
          newest?.OwnerId,
          newest?.Architecture,
          newest?.RootDeviceType,
        ]
      },
    ),
  'an image that is not there': ({ ec2 }) =>
    outcome(ec2.send(new sdk.DescribeImagesCommand({ ImageIds: [`ami-${NOBODY}`] }))),
  'an image of no owner': ({ ec2 }) =>
    outcome(
      ec2.send(
        new sdk.DescribeImagesCommand({
          Owners: [CANONICAL],
          Filters: [{ Name: 'name', Values: ['plan9/*'] }],
        }),
      ),
      ({ Images }) => Images,
    ),
  'an instance type': ({ ec2 }) =>
    outcome(
      ec2.send(new sdk.DescribeInstanceTypesCommand({ InstanceTypes: ['t3.small'] })),
      ({ InstanceTypes }) =>
        InstanceTypes?.map((type) => [
          type.ProcessorInfo?.SupportedArchitectures,
          type.VCpuInfo?.DefaultVCpus,
          type.MemoryInfo?.SizeInMiB,
          type.SupportedUsageClasses?.includes('spot'),
        ]),
    ),
  'a type that is not there': ({ ec2 }) =>
    outcome(ec2.send(new sdk.DescribeInstanceTypesCommand({ InstanceTypes: ['t9.huge' as 't3.small'] }))),
  'where a type is offered': ({ ec2 }) =>
    outcome(
      ec2.send(
        new sdk.DescribeInstanceTypeOfferingsCommand({
          LocationType: 'availability-zone',
          Filters: [
            { Name: 'instance-type', Values: ['t3.small'] },
            { Name: 'location', Values: ['us-east-1a'] },
          ],
        }),
      ),
      ({ InstanceTypeOfferings }) => InstanceTypeOfferings,
    ),
  'a key': ({ ec2 }) =>
    outcome(
      ec2.send(
        new sdk.ImportKeyPairCommand({
          KeyName: 'facts',
          PublicKeyMaterial: KEY,
          TagSpecifications: [{ ResourceType: 'key-pair', Tags: [{ Key: 'a', Value: 'b' }] }],
        }),
      ),
      (answer) => present(answer, ['KeyName', 'KeyPairId', 'KeyFingerprint']),
    ),
  'the key again': ({ ec2 }) =>
    outcome(ec2.send(new sdk.ImportKeyPairCommand({ KeyName: 'facts', PublicKeyMaterial: KEY }))),
  'no key': ({ ec2 }) =>
    outcome(
      ec2.send(new sdk.ImportKeyPairCommand({ KeyName: 'bad', PublicKeyMaterial: Buffer.from('bad') })),
    ),
  'keys by tag': ({ ec2 }) =>
    outcome(
      ec2.send(new sdk.DescribeKeyPairsCommand({ Filters: [{ Name: 'tag:a', Values: ['b'] }] })),
      ({ KeyPairs }) => KeyPairs?.map(({ KeyName, Tags }) => [KeyName, Tags]),
    ),
  'a key that is not there': ({ ec2 }) =>
    outcome(ec2.send(new sdk.DescribeKeyPairsCommand({ KeyNames: ['nobody'] }))),
  'a group': ({ ec2, found }) =>
    outcome(
      ec2.send(
        new sdk.CreateSecurityGroupCommand({
          GroupName: 'facts',
          Description: 'facts',
          VpcId: found['vpc'],
          TagSpecifications: [{ ResourceType: 'security-group', Tags: [{ Key: 'a', Value: 'b' }] }],
        }),
      ),
      ({ GroupId = '' }) => {
        found['group'] = GroupId
        return GroupId.slice(0, 3)
      },
    ),
  'the group again': ({ ec2, found }) =>
    outcome(
      ec2.send(
        new sdk.CreateSecurityGroupCommand({ GroupName: 'facts', Description: 'x', VpcId: found['vpc'] }),
      ),
    ),
  'a rule': ({ ec2, found }) =>
    outcome(
      ec2.send(
        new sdk.AuthorizeSecurityGroupIngressCommand({ GroupId: found['group'], IpPermissions: [SSH] }),
      ),
      ({ Return, SecurityGroupRules }) => [
        Return,
        SecurityGroupRules?.map(({ FromPort, CidrIpv4 }) => [FromPort, CidrIpv4]),
      ],
    ),
  'the rule again': ({ ec2, found }) =>
    outcome(
      ec2.send(
        new sdk.AuthorizeSecurityGroupIngressCommand({ GroupId: found['group'], IpPermissions: [SSH] }),
      ),
    ),
  'the group with its rule': ({ ec2 }) =>
    outcome(
      ec2.send(new sdk.DescribeSecurityGroupsCommand({ Filters: [{ Name: 'tag:a', Values: ['b'] }] })),
      ({ SecurityGroups }) =>
        SecurityGroups?.map(({ GroupName, IpPermissions }) => [
          GroupName,
          IpPermissions?.map(({ IpProtocol, FromPort, ToPort, IpRanges }) => [
            IpProtocol,
            FromPort,
            ToPort,
            IpRanges,
          ]),
        ]),
    ),
  'without its rule': ({ ec2, found }) =>
    outcome(
      ec2.send(new sdk.RevokeSecurityGroupIngressCommand({ GroupId: found['group'], IpPermissions: [SSH] })),
    ),
  'without its rule again': ({ ec2, found }) =>
    outcome(
      ec2.send(new sdk.RevokeSecurityGroupIngressCommand({ GroupId: found['group'], IpPermissions: [SSH] })),
    ),
  'a launch of no image': (trip) => outcome(trip.ec2.send(wish(trip, { ImageId: `ami-${NOBODY}` }))),
  'a launch with no such key': (trip) => outcome(trip.ec2.send(wish(trip, { KeyName: 'nobody' }))),
  'a launch of no type': (trip) =>
    outcome(trip.ec2.send(wish(trip, { InstanceType: 't9.huge' as 't3.small' }))),
  'a launch into no subnet': (trip) => outcome(trip.ec2.send(wish(trip, { SubnetId: `subnet-${NOBODY}` }))),
  'a launch into no group': (trip) =>
    outcome(trip.ec2.send(wish(trip, { SecurityGroupIds: [`sg-${NOBODY}`] }))),
  'a dry launch': (trip) => outcome(trip.ec2.send(wish(trip, { DryRun: true }))),
  'a launch': (trip) =>
    outcome(
      trip.ec2.send(wish(trip, { DisableApiTermination: true })),
      ({ Instances, ReservationId = '' }) => {
        const made = Instances?.[0]
        trip.found['instance'] = made?.InstanceId ?? ''
        return [
          ReservationId.slice(0, 2),
          made?.State,
          made?.KeyName,
          made?.Tags,
          made?.SecurityGroups?.map(({ GroupName }) => GroupName),
        ]
      },
    ),
  running: async (trip) => {
    const seen = await settled(trip)
    trip.found['address'] = seen.PublicIpAddress ?? ''
    const fields = [
      'PublicIpAddress',
      'PrivateIpAddress',
      'SubnetId',
      'VpcId',
      'LaunchTime',
      'Placement',
    ] as const
    return [
      seen.State,
      present(seen, fields),
      seen.RootDeviceName === trip.found['device'],
      seen.BlockDeviceMappings?.map(({ Ebs }) => Ebs?.DeleteOnTermination),
    ]
  },
  'found by tag': (trip) => sees(trip, { Name: 'tag:tsmachine-name', Values: ['web'] }),
  'found by another tag': (trip) => sees(trip, { Name: 'tag:tsmachine-name', Values: ['db'] }),
  'found by state': (trip) => sees(trip, { Name: 'instance-state-name', Values: ['running'] }),
  'its volume': (trip) => volumes(trip, ({ State, Tags }) => [State, Tags]),
  'more tags': ({ ec2, found }) =>
    outcome(
      ec2.send(
        new sdk.CreateTagsCommand({
          Resources: [found['instance'] ?? ''],
          Tags: [{ Key: 'more', Value: 'x' }],
        }),
      ),
    ),
  stopped: async (trip) => {
    await trip.ec2.send(new sdk.StopInstancesCommand({ InstanceIds: [trip.found['instance'] ?? ''] }))
    const { State, PublicIpAddress } = await settled(trip)
    return [State, PublicIpAddress]
  },
  'started elsewhere': async (trip) => {
    await trip.ec2.send(new sdk.StartInstancesCommand({ InstanceIds: [trip.found['instance'] ?? ''] }))
    const { State, PublicIpAddress } = await settled(trip)
    return [State, PublicIpAddress !== undefined && PublicIpAddress !== trip.found['address']]
  },
  protection: (trip) => protect(trip, true),
  'its protection': ({ ec2, found }) =>
    outcome(
      ec2.send(
        new sdk.DescribeInstanceAttributeCommand({
          InstanceId: found['instance'],
          Attribute: 'disableApiTermination',
        }),
      ),
      ({ DisableApiTermination }) => DisableApiTermination,
    ),
  'the end of what is protected': ({ ec2, found }) =>
    outcome(ec2.send(new sdk.TerminateInstancesCommand({ InstanceIds: [found['instance'] ?? ''] }))),
  'no protection': (trip) => protect(trip, false),
  'the end': async (trip) => {
    const { TerminatingInstances } = await trip.ec2.send(
      new sdk.TerminateInstancesCommand({ InstanceIds: [trip.found['instance'] ?? ''] }),
    )
    const { State, PublicIpAddress } = await settled(trip)
    return [TerminatingInstances?.[0]?.PreviousState, State, PublicIpAddress]
  },
  'the end of nobody': ({ ec2 }) =>
    outcome(ec2.send(new sdk.TerminateInstancesCommand({ InstanceIds: [`i-${NOBODY}`] }))),
  'a look at nobody': ({ ec2 }) =>
    outcome(ec2.send(new sdk.DescribeInstancesCommand({ InstanceIds: [`i-${NOBODY}`] }))),
  'its volume afterwards': (trip) => volumes(trip, ({ State }) => State),
  'no group': ({ ec2, found }) =>
    outcome(ec2.send(new sdk.DeleteSecurityGroupCommand({ GroupId: found['group'] }))),
  'no group again': ({ ec2, found }) =>
    outcome(ec2.send(new sdk.DeleteSecurityGroupCommand({ GroupId: found['group'] }))),
  'the key no more': ({ ec2 }) => outcome(ec2.send(new sdk.DeleteKeyPairCommand({ KeyName: 'facts' }))),
  'the key no more again': ({ ec2 }) => outcome(ec2.send(new sdk.DeleteKeyPairCommand({ KeyName: 'facts' }))),
}
