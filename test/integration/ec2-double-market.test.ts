import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CancelSpotInstanceRequestsCommand,
  CreateFleetCommand,
  type CreateFleetCommandInput,
  CreateLaunchTemplateCommand,
  DeleteLaunchTemplateCommand,
  DescribeRegionsCommand,
  DescribeSpotInstanceRequestsCommand,
  DescribeSpotPriceHistoryCommand,
  DescribeVolumesCommand,
  EC2Client,
  type RunInstancesCommandInput,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import t, { type Test } from 'tap'
import { Identity } from '../doubles/ec2/index.js'
import { debian, look, refused, REGION, run, stand } from '../helpers/ec2-stand.js'
import { runDir } from '../helpers/run-dir.js'

const SPOT: Partial<RunInstancesCommandInput> = {
  InstanceMarketOptions: { MarketType: 'spot', SpotOptions: { SpotInstanceType: 'one-time' } },
}

function at(zone: string): Partial<RunInstancesCommandInput> {
  return { Placement: { AvailabilityZone: `${REGION}${zone}` } }
}

t.test('room is short by type, zone and market', async (t) => {
  const here = await stand(t, { rates: false })
  const { capacity } = here.double.account
  capacity.push({ type: 't3.small', zone: 'us-east-1a', market: 'spot', left: 1 })
  t.equal((await run(here, { ...SPOT, ...at('a') })).InstanceLifecycle, 'spot')
  t.match(
    await refused(run(here, { ...SPOT, ...at('a') })),
    /^InsufficientInstanceCapacity: There is no Spot/,
  )
  t.equal(await refused(run(here, at('a'))), 'not refused', 'on demand there is')
  t.equal(await refused(run(here, { ...SPOT, ...at('b') })), 'not refused', 'elsewhere there is')
  const anywhere = await run(here, SPOT)
  t.equal(anywhere.Placement?.AvailabilityZone, 'us-east-1b', 'EC2 finds it when no zone is named')
  capacity.unshift({ left: 0 })
  t.match(await refused(run(here)), /^InsufficientInstanceCapacity: We currently do not have/)
})

t.test('limits and prices are refused in their own words', async (t) => {
  const here = await stand(t, { limits: { spotInstances: 1 }, rates: false })
  const price = (MaxPrice: string): Partial<RunInstancesCommandInput> => ({
    InstanceMarketOptions: { MarketType: 'spot', SpotOptions: { MaxPrice } },
  })
  t.match(await refused(run(here, price('0.0001'))), /^SpotMaxPriceTooLow: .* 0.0001 is lower/)
  t.equal(await refused(run(here, price('0.05'))), 'not refused')
  t.match(await refused(run(here, SPOT)), /^MaxSpotInstanceCountExceeded/)
  here.double.account.limits.vcpus = 3
  t.match(await refused(run(here)), /^VcpuLimitExceeded: .* limit of 3/)
  here.double.account.limits.instances = 1
  t.match(await refused(run(here)), /^InstanceLimitExceeded/)
  const { SpotPriceHistory } = await here.ec2.send(
    new DescribeSpotPriceHistoryCommand({ InstanceTypes: ['t3.small'], AvailabilityZone: 'us-east-1a' }),
  )
  t.match(SpotPriceHistory, [{ SpotPrice: /^0\.00/, ProductDescription: 'Linux/UNIX' }])
})

t.test('a spot instance has its request, and cannot be stopped', async (t) => {
  const here = await stand(t)
  const { InstanceId: id = '', SpotInstanceRequestId: request = '' } = await run(here, SPOT)
  await look(here, id)
  t.match(
    await refused(here.ec2.send(new StopInstancesCommand({ InstanceIds: [id] }))),
    /^UnsupportedOperation/,
  )
  const state = async (): Promise<string | undefined> => {
    const ids = { SpotInstanceRequestIds: [request] }
    const { SpotInstanceRequests } = await here.ec2.send(new DescribeSpotInstanceRequestsCommand(ids))
    return SpotInstanceRequests?.[0]?.State
  }
  t.equal(await state(), 'active')
  await here.ec2.send(new CancelSpotInstanceRequestsCommand({ SpotInstanceRequestIds: [request] }))
  t.equal(await state(), 'cancelled')
  t.equal((await look(here, id)).State?.Name, 'running', 'the instance goes on')
  const second = await run(here, SPOT)
  await here.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id, second.InstanceId ?? ''] }))
  here.double.inventory()
  t.strictSame(here.double.inventory(), [], 'its request goes with an instance')
})

t.test('what is asked of disks, metadata and profiles is kept, and wrong things are refused', async (t) => {
  const here = await stand(t, { rates: false })
  const disk = (Ebs: object): Partial<RunInstancesCommandInput> => ({
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs }],
  })
  const made = await run(here, {
    ...disk({ VolumeSize: 20, VolumeType: 'gp3', Iops: 4000, Encrypted: true, KmsKeyId: 'alias/aws/ebs' }),
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
    IamInstanceProfile: { Name: 'ci-runner' },
  })
  t.match(made.MetadataOptions, { HttpTokens: 'required', HttpPutResponseHopLimit: 2 })
  t.match(made.IamInstanceProfile?.Arn, /instance-profile\/ci-runner$/)
  const { Volumes } = await here.ec2.send(new DescribeVolumesCommand({}))
  t.match(Volumes, [{ Size: 20, VolumeType: 'gp3', Iops: 4000, Encrypted: true, KmsKeyId: 'alias/aws/ebs' }])
  t.match(await refused(run(here, disk({ KmsKeyId: 'k' }))), /^InvalidParameterDependency/)
  t.match(
    await refused(run(here, disk({ VolumeType: 'gp9' }))),
    /^InvalidParameterValue: Invalid volume type/,
  )
  t.match(await refused(run(here, disk({ VolumeType: 'gp2', Iops: 500 }))), /^InvalidParameterCombination/)
  t.match(
    await refused(run(here, { IamInstanceProfile: { Name: 'nobody' } })),
    /Invalid IAM Instance Profile name/,
  )
  const dead = await run(here, disk({ Encrypted: true, KmsKeyId: 'alias/other' }))
  await look(here, dead.InstanceId)
  t.match(await look(here, dead.InstanceId), {
    State: { Name: 'terminated' },
    StateReason: { Code: 'Client.InternalError' },
  })
})

t.test('a fleet takes the first place that has room, and says why not the others', async (t) => {
  const here = await stand(t, { rates: false })
  const template = {
    LaunchTemplateName: 'runners',
    LaunchTemplateData: { ImageId: await debian(here), InstanceType: 't3.small' as const },
  }
  await here.ec2.send(new CreateLaunchTemplateCommand(template))
  t.match(
    await refused(here.ec2.send(new CreateLaunchTemplateCommand(template))),
    /^InvalidLaunchTemplateName.AlreadyExists/,
  )
  t.equal(
    (await run(here, { LaunchTemplate: { LaunchTemplateName: 'runners' }, InstanceType: 't3.micro' }))
      .InstanceType,
    't3.micro',
  )
  t.match(
    await refused(run(here, { LaunchTemplate: { LaunchTemplateName: 'nobody' } })),
    /^InvalidLaunchTemplateName.NotFoundException/,
  )
  here.double.account.capacity.push({ type: 't3.medium', left: 0 })
  const wish: CreateFleetCommandInput = {
    Type: 'instant',
    ClientToken: 'one',
    TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'spot' },
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateName: 'runners', Version: '$Latest' },
        Overrides: [
          { InstanceType: 't3.medium' },
          { InstanceType: 'm5.large', AvailabilityZone: 'us-east-1c' },
        ],
      },
    ],
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'f' }] }],
  }
  const { Instances = [], Errors } = await here.ec2.send(new CreateFleetCommand(wish))
  const id = Instances[0]?.InstanceIds?.[0]
  t.match(Errors, [{ ErrorCode: 'InsufficientInstanceCapacity', Lifecycle: 'spot' }])
  t.match(await look(here, id), {
    InstanceType: 'm5.large',
    Placement: { AvailabilityZone: 'us-east-1c' },
    Tags: [{ Key: 'Name', Value: 'f' }],
  })
  const again = await here.ec2.send(new CreateFleetCommand(wish))
  t.equal(again.Instances?.[0]?.InstanceIds?.[0], id, 'the same token, the same fleet')
  await here.ec2.send(new DeleteLaunchTemplateCommand({ LaunchTemplateName: 'runners' }))
  t.notOk(here.double.inventory().some((line) => line.includes('template')))
})

/** The SDK's default chain sees this and nothing else of the environment. */
function environment(t: Test, env: Readonly<Record<string, string>>): void {
  const before = { ...process.env }
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name]
  Object.assign(process.env, env)
  t.teardown(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
    Object.assign(process.env, before)
  })
}

t.test("the SDK's default chain: a role through STS, and an instance's own through IMDS", async (t) => {
  const { double } = await stand(t)
  const identity = await Identity.start(double)
  t.teardown(() => identity.close())
  const home = runDir('aws')
  t.teardown(() => rmSync(home, { recursive: true }))
  mkdirSync(join(home, '.aws'))
  writeFileSync(
    join(home, '.aws/credentials'),
    '[base]\naws_access_key_id = AKIDDOUBLE0000000000\naws_secret_access_key = double-secret\n',
  )
  writeFileSync(
    join(home, '.aws/config'),
    '[profile role]\nrole_arn = arn:aws:iam::123456789012:role/ci\nsource_profile = base\nregion = us-east-1\n',
  )
  const common = {
    AWS_CONFIG_FILE: join(home, '.aws/config'),
    AWS_SHARED_CREDENTIALS_FILE: join(home, '.aws/credentials'),
    AWS_ENDPOINT_URL_STS: identity.url,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: identity.url,
  }
  const ask = async (env: Readonly<Record<string, string>>): Promise<string> => {
    environment(t, { ...common, ...env })
    const ec2 = new EC2Client({ endpoint: double.url, region: REGION, maxAttempts: 1 })
    t.teardown(() => ec2.destroy())
    return await refused(ec2.send(new DescribeRegionsCommand({})))
  }
  t.equal(await ask({ AWS_PROFILE: 'role' }), 'not refused')
  t.match(identity.requests, ['AssumeRole arn:aws:iam::123456789012:role/ci'])
  t.equal(await ask({}), 'not refused')
  t.equal(identity.requests.at(-1), 'GET /latest/meta-data/iam/security-credentials/ci-runner')
  identity.closedRoles.add('arn:aws:iam::123456789012:role/ci')
  t.match(await ask({ AWS_PROFILE: 'role' }), /AccessDenied|not authorized to perform: sts:AssumeRole/)
})
