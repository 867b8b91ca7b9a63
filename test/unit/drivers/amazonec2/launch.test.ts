import t from 'tap'
import { Ec2Trial } from '../../../helpers/ec2-trial.js'

t.test('one call makes the instance: tagged, encrypted, with a token, and with IMDSv2', async (t) => {
  const trial = await Ec2Trial.start(t, { 'amazonec2-tags': 'team,ci,cost,12' })
  await trial.create()
  t.equal(trial.double.count('RunInstances'), 1)
  t.equal(trial.double.count('CreateTags'), 0)
  const asked = trial.asked('RunInstances')
  t.match(asked, {
    InstanceType: 't3.micro',
    ClientToken: new RegExp(`^${trial.id}-[0-9a-f]{8}$`),
    MetadataOptions: { HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
    NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: true, Groups: [/^sg-/] }],
    BlockDeviceMappings: [
      {
        DeviceName: '/dev/xvda',
        Ebs: { VolumeSize: 16, VolumeType: 'gp3', Encrypted: true, DeleteOnTermination: true },
      },
    ],
  })
  const specifications = asked['TagSpecifications'] as {
    ResourceType: string
    Tags: { Key: string; Value: string }[]
  }[]
  t.strictSame(
    specifications.map(({ ResourceType }) => ResourceType),
    ['instance', 'volume', 'network-interface'],
  )
  for (const { Tags } of specifications)
    t.strictSame(Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value])), {
      Name: 'ma1a1',
      team: 'ci',
      cost: '12',
      tsmachine: '1',
      'tsmachine-store': 'f'.repeat(32),
      'tsmachine-id': trial.id,
      'tsmachine-name': 'ma1a1',
    })
  await trial.remove()
  t.strictSame(trial.double.inventory(), [])
})

t.test('the image is the newest of its publisher, for the architecture of the type', async (t) => {
  const cases = [
    [{}, 'debian-13-amd64-20261012-1890'],
    [{ 'amazonec2-instance-type': 't4g.small' }, 'debian-13-arm64-20261012-1890'],
    [{ 'amazonec2-image-name': 'debian-12' }, 'debian-12-amd64-20260914-1890'],
    [
      { 'amazonec2-image-name': 'ubuntu-24.04' },
      'ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261022',
    ],
    [
      { 'amazonec2-image-name': 'debian-11-amd64-*', 'amazonec2-image-owner': '136693071363' },
      'debian-11-amd64-20260501-1890',
    ],
  ] as const
  for (const [flags, name] of cases) {
    const trial = await Ec2Trial.start(t, flags)
    await trial.create()
    t.ok(
      trial.logs.some((text) => text.startsWith(`Image ${name} (ami-`)),
      `${name} in ${trial.logs.join('; ')}`,
    )
  }
})

t.test('zone and subnet are chosen where the type is, and why is told', async (t) => {
  const trial = await Ec2Trial.start(t, { 'amazonec2-zone': 'b' })
  await trial.create()
  t.match(trial.logs.join('\n'), /on-demand t3\.micro in us-east-1b, subnet subnet-\S+ \(default VPC vpc-/)
  t.match(trial.resources.find(({ kind }) => kind === 'server')?.attributes, {
    zone: 'us-east-1b',
    market: 'on-demand',
    instanceType: 't3.micro',
  })
})

t.test('Spot goes through types and zones in order, then on-demand; each skip says why', async (t) => {
  const trial = await Ec2Trial.start(t, {
    'amazonec2-request-spot-instance': true,
    'amazonec2-instance-types': ['m7i.large', 't3.small'],
    'amazonec2-spot-price': '0.05',
  })
  trial.double.account.capacity.push({ market: 'spot', type: 'm7i.large', left: 0 })
  trial.double.account.capacity.push({ market: 'spot', type: 't3.small', zone: 'us-east-1a', left: 0 })
  await trial.create()
  const skipped = trial.logs.filter((text) => text.startsWith('Skipped'))
  t.strictSame(
    skipped.map((text) => text.split(':')[0]),
    [...'abcd']
      .map((zone) => `Skipped Spot m7i.large in us-east-1${zone}`)
      .concat('Skipped Spot t3.small in us-east-1a'),
  )
  t.match(skipped[0], /InsufficientInstanceCapacity/)
  t.match(trial.logs.at(-1), /Spot t3\.small in us-east-1b/)
  t.match(trial.asked('RunInstances'), {
    InstanceMarketOptions: {
      MarketType: 'spot',
      SpotOptions: { SpotInstanceType: 'one-time', MaxPrice: '0.05' },
    },
  })
  const tokens = trial.double.requests
    .filter(({ operation }) => operation === 'RunInstances')
    .map(({ input }) => input['ClientToken'])
  t.equal(new Set(tokens).size, tokens.length, 'each attempt has a token of its own')
  await trial.remove()
  t.strictSame(trial.double.inventory(), [])
})

t.test('without any Spot capacity the instance is on-demand', async (t) => {
  const trial = await Ec2Trial.start(t, { 'amazonec2-request-spot-instance': true, 'amazonec2-zone': 'a' })
  trial.double.account.capacity.push({ market: 'spot', left: 0 })
  await trial.create()
  t.match(trial.logs.at(-1), /^on-demand t3\.micro in us-east-1a/)
  t.notOk(trial.asked('RunInstances')['InstanceMarketOptions'])
})

t.test('where nothing has capacity the error names every attempt', async (t) => {
  const trial = await Ec2Trial.start(t, {
    'amazonec2-instance-types': ['t3.micro', 't3.small'],
    'amazonec2-zone': 'a',
  })
  trial.double.account.capacity.push({ left: 0 })
  await t.rejects(trial.create(), {
    code: 'driver',
    message: 'AWS has no capacity for t3.micro, t3.small',
    evidence: /on-demand t3\.micro in us-east-1a: .*\non-demand t3\.small in us-east-1a: /,
    hints: [/--amazonec2-instance-types/, /--amazonec2-zone/, /later/],
  })
  await trial.remove()
  t.strictSame(trial.double.inventory(), [])
})

t.test('a refusal that is not for capacity ends it at once', async (t) => {
  const trial = await Ec2Trial.start(t, { 'amazonec2-instance-types': ['t3.micro', 't3.small'] })
  trial.double.account.limits.vcpus = 0
  await t.rejects(trial.create(), { code: 'driver', message: /VcpuLimitExceeded/, hints: [/higher quota/] })
  t.equal(trial.double.count('RunInstances'), 1)
  await trial.remove()
})

t.test(
  'a fleet chooses among types and zones, with a template of ours that goes with the machine',
  async (t) => {
    const trial = await Ec2Trial.start(t, {
      'amazonec2-use-fleet': true,
      'amazonec2-request-spot-instance': true,
      'amazonec2-instance-types': ['m7i.large', 't3.small'],
    })
    trial.double.account.capacity.push({ market: 'spot', left: 0 })
    await trial.create()
    t.equal(trial.double.count('RunInstances'), 0)
    t.equal(trial.double.count('CreateFleet'), 2)
    t.ok(trial.logs.some((text) => /^Skipped spot .*InsufficientInstanceCapacity/.test(text)))
    t.match(trial.logs.at(-1), /^Fleet fleet-\S+: on-demand /)
    const found = await trial.driver.inventory?.(
      { storeId: '', config: trial.config },
      new AbortController().signal,
    )
    t.match(found?.map(({ resource }) => resource.kind).toSorted(), [
      'firewall',
      'key-pair',
      'launch-template',
      'server',
    ])
    await trial.remove()
    t.strictSame(trial.double.inventory(), [])
  },
)

t.test('addresses: private only, IPv6 only', async (t) => {
  const inside = await Ec2Trial.start(t, { 'amazonec2-private-address-only': true })
  await inside.create()
  t.match(inside.asked('RunInstances'), { NetworkInterfaces: [{ AssociatePublicIpAddress: false }] })
  t.match(inside.driver.endpoint(inside.machine()).address, /^172\.31\./)
  const six = await Ec2Trial.start(t, { 'amazonec2-ipv6-only': true }, { ipv6: true })
  await six.create()
  t.match(six.asked('RunInstances'), {
    NetworkInterfaces: [{ AssociatePublicIpAddress: false, Ipv6AddressCount: 1 }],
  })
  t.match(six.driver.endpoint(six.machine()).address, ':')
})
