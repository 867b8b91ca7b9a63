import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeKeyPairsCommand,
  DescribeRegionsCommand,
  DescribeSubnetsCommand,
  EC2Client,
  type EC2ClientConfig,
  GetConsoleOutputCommand,
  ImportKeyPairCommand,
  ModifyInstanceAttributeCommand,
  RevokeSecurityGroupIngressCommand,
  type RunInstancesCommandInput,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import t from 'tap'
import { CREDENTIAL } from '../doubles/ec2/index.js'
import { clientOf, debian, look, refused, REGION, run, stand } from '../helpers/ec2-stand.js'
import { FakeClock } from '../helpers/fake-clock.js'

const DOUBLE = fileURLToPath(new URL('../doubles/ec2/main.ts', import.meta.url))
const KEY = `ssh-ed25519 ${Buffer.concat([
  Buffer.from([0, 0, 0, 11]),
  Buffer.from('ssh-ed25519'),
  Buffer.from([0, 0, 0, 32]),
  Buffer.alloc(32, 7),
]).toString('base64')} me`

t.test('an instance takes its time to run, stop and go, and its public address changes', async (t) => {
  const at = await stand(t)
  const { InstanceId: id = '' } = await run(at)
  t.equal((await look(at, id)).State?.Name, 'pending')
  const first = await look(at, id)
  t.equal(first.State?.Name, 'running')
  t.match(first.PublicIpAddress, /^127\./)
  await at.ec2.send(new StopInstancesCommand({ InstanceIds: [id] }))
  t.equal((await look(at, id)).State?.Name, 'stopping')
  const stopped = await look(at, id)
  t.equal(stopped.State?.Name, 'stopped')
  t.equal(stopped.PublicIpAddress, undefined)
  await at.ec2.send(new StartInstancesCommand({ InstanceIds: [id] }))
  await look(at, id)
  const second = await look(at, id)
  t.equal(second.State?.Name, 'running')
  t.not(second.PublicIpAddress, first.PublicIpAddress)
  await at.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
  t.equal((await look(at, id)).State?.Name, 'shutting-down')
  t.strictSame(at.double.inventory(), [])
  t.equal((await look(at, id)).StateReason?.Code, 'Client.UserInitiatedShutdown')
})

t.test('with a clock, states last as long as they are told to', async (t) => {
  const clock = new FakeClock(new Date())
  const at = await stand(t, { clock, delays: { pending: { ms: 20_000, looks: 0 } } })
  const { InstanceId: id } = await run(at)
  clock.advance(19_000)
  t.equal((await look(at, id)).State?.Name, 'pending')
  clock.advance(1_000)
  t.equal((await look(at, id)).State?.Name, 'running')
})

t.test('the same ClientToken gives the same instance, and not for another request', async (t) => {
  const at = await stand(t, { rates: false })
  const one = await run(at, { ClientToken: 'once' })
  t.equal((await run(at, { ClientToken: 'once' })).InstanceId, one.InstanceId)
  t.match(
    await refused(run(at, { ClientToken: 'once', InstanceType: 't3.medium' })),
    /^IdempotentParameterMismatch/,
  )
  t.not((await run(at)).InstanceId, one.InstanceId, 'the SDK makes tokens of its own')
  at.double.account.capacity.push({ left: 0 })
  t.match(await refused(run(at, { ClientToken: 'full' })), /^InsufficientInstanceCapacity/)
  t.match(
    await refused(run(at, { ClientToken: 'full', InstanceType: 't3.medium' })),
    /^IdempotentParameterMismatch/,
    'its parameters are kept when it brought nothing',
  )
  at.double.account.capacity.length = 0
  t.match(await run(at, { ClientToken: 'full' }), { InstanceId: /^i-/ })
  const { Reservations = [] } = await at.ec2.send(
    new DescribeInstancesCommand({ Filters: [{ Name: 'client-token', Values: ['once'] }] }),
  )
  t.equal(Reservations.length, 1)
})

t.test('lists may lag behind launches, as those of EC2 do', async (t) => {
  const at = await stand(t, { unseen: 1 })
  const { InstanceId } = await run(at, { ClientToken: 'late' })
  const found = async (): Promise<number | undefined> => {
    const Filters = [{ Name: 'client-token', Values: ['late'] }]
    return (await at.ec2.send(new DescribeInstancesCommand({ Filters }))).Reservations?.length
  }
  t.equal(await found(), 0)
  t.equal(await found(), 1)
  t.equal((await run(at, { ClientToken: 'late' })).InstanceId, InstanceId)
})

t.test('a request that EC2 would not understand is refused', async (t) => {
  const at = await stand(t, { rates: false })
  const image = await debian(at)
  const wrong: Record<string, Partial<RunInstancesCommandInput>> = {
    'MissingParameter: .*ImageId': { ImageId: undefined },
    'InvalidAMIID.NotFound': { ImageId: 'ami-0123456789abcdef0' },
    'InvalidAMIID.Malformed': { ImageId: 'debian' },
    'InvalidKeyPair.NotFound': { KeyName: 'nobody' },
    "InvalidParameterValue: Invalid value 't9.huge'": { InstanceType: 't9.huge' as 't3.small' },
    'InvalidParameterValue: The architecture': { InstanceType: 't4g.small' },
    'InvalidSubnetID.NotFound': { SubnetId: 'subnet-0123456789abcdef0' },
    'InvalidGroup.NotFound': { SecurityGroupIds: ['sg-0123456789abcdef0'] },
    'Unsupported: .*us-east-1e': { Placement: { AvailabilityZone: 'us-east-1e' } },
    'InvalidUserData.Malformed': { UserData: '#cloud-config' },
    'InvalidParameterValue: User data is limited to 16384': {
      UserData: Buffer.alloc(16_385, 'x').toString('base64'),
    },
    InvalidBlockDeviceMapping: {
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 4 } }],
    },
    InvalidParameterCombination: {
      SecurityGroupIds: ['sg-0123456789abcdef0'],
      NetworkInterfaces: [{ DeviceIndex: 0 }],
    },
    "InvalidParameterValue: 'image' is not": { TagSpecifications: [{ ResourceType: 'image', Tags: [] }] },
    DryRunOperation: { DryRun: true },
  }
  for (const [words, change] of Object.entries(wrong))
    t.match(await refused(run(at, { ImageId: image, ...change })), new RegExp(`^${words}`), words)
  t.strictSame(at.double.inventory(), [])
})

t.test('parameters that the description does not have are refused', async (t) => {
  const at = await stand(t)
  at.ec2.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { body: string }
      request.body += '&Colour=red'
      return next(args)
    },
    { step: 'build', priority: 'high' },
  )
  t.match(
    await refused(at.ec2.send(new DescribeRegionsCommand({}))),
    /^UnknownParameter: The parameter Colour/,
  )
  t.match(await refused(at.ec2.send(new DeleteKeyPairCommand({}))), /^UnknownParameter/)
})

t.test('images are found by owner and name, without the deprecated ones and those of others', async (t) => {
  const at = await stand(t)
  const names = async (more: object): Promise<(string | undefined)[]> => {
    const { Images = [] } = await at.ec2.send(
      new DescribeImagesCommand({ Filters: [{ Name: 'name', Values: ['debian-13-amd64-*'] }], ...more }),
    )
    return Images.map(({ Name }) => Name).sort()
  }
  t.strictSame(await names({ Owners: ['136693071363'] }), [
    'debian-13-amd64-20260707-1890',
    'debian-13-amd64-20261012-1890',
  ])
  t.equal((await names({ Owners: ['136693071363'], IncludeDeprecated: true })).length, 3)
  t.match(await names({}), /20261101/, 'anybody may publish under this name')
})

t.test('key pairs and groups: duplicates are refused, and what is in use stays', async (t) => {
  const at = await stand(t)
  const { ec2 } = at
  const key = { KeyName: 'k', PublicKeyMaterial: Buffer.from(KEY) }
  await ec2.send(new ImportKeyPairCommand(key))
  t.match(await refused(ec2.send(new ImportKeyPairCommand(key))), /^InvalidKeyPair.Duplicate/)
  t.match(
    await refused(ec2.send(new ImportKeyPairCommand({ KeyName: 'j', PublicKeyMaterial: Buffer.from('x') }))),
    /^InvalidKey.Format/,
  )
  const group = { GroupName: 'g', Description: 'd' }
  const { GroupId } = await ec2.send(new CreateSecurityGroupCommand(group))
  t.match(await refused(ec2.send(new CreateSecurityGroupCommand(group))), /^InvalidGroup.Duplicate/)
  const ssh = {
    GroupId,
    IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
  }
  await ec2.send(new AuthorizeSecurityGroupIngressCommand(ssh))
  t.match(
    await refused(ec2.send(new AuthorizeSecurityGroupIngressCommand(ssh))),
    /^InvalidPermission.Duplicate.*peer: 0.0.0.0\/0, TCP, from port: 22/,
  )
  const { InstanceId = '' } = await run(at, { KeyName: 'k', SecurityGroupIds: [GroupId ?? ''] })
  await look(at, InstanceId)
  const remove = (): Promise<string> => refused(ec2.send(new DeleteSecurityGroupCommand({ GroupId })))
  t.match(await remove(), /^DependencyViolation/)
  await ec2.send(new RevokeSecurityGroupIngressCommand(ssh))
  t.match(await refused(ec2.send(new RevokeSecurityGroupIngressCommand(ssh))), /^InvalidPermission.NotFound/)
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }))
  t.match(await remove(), /^DependencyViolation/, 'as long as it is shutting down')
  t.equal(await remove(), 'not refused')
  await ec2.send(new DeleteKeyPairCommand({ KeyName: 'k' }))
  await ec2.send(new DeleteKeyPairCommand({ KeyName: 'k' }))
  t.match(
    await refused(ec2.send(new DescribeKeyPairsCommand({ KeyNames: ['k'] }))),
    /^InvalidKeyPair.NotFound/,
  )
  t.strictSame(at.double.inventory(), [])
})

t.test('a protected instance stays until it is no longer protected', async (t) => {
  const at = await stand(t)
  const { InstanceId = '' } = await run(at, { DisableApiTermination: true })
  const end = (): Promise<string> =>
    refused(at.ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] })))
  t.match(await end(), /^OperationNotPermitted/)
  await at.ec2.send(
    new ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }),
  )
  t.equal(await end(), 'not refused')
})

t.test('lists come in pages and through filters', async (t) => {
  const at = await stand(t)
  for (const name of ['a', 'b', 'c'])
    await run(at, {
      MinCount: 2,
      MaxCount: 2,
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: name }] }],
    })
  const list = async (input: object): Promise<[number, string | undefined]> => {
    const { Reservations = [], NextToken } = await at.ec2.send(new DescribeInstancesCommand(input))
    return [Reservations.flatMap(({ Instances }) => Instances ?? []).length, NextToken]
  }
  const [first, next] = await list({ MaxResults: 5 })
  t.equal(first, 5)
  t.strictSame(await list({ MaxResults: 5, NextToken: next }), [1, undefined])
  t.strictSame(await list({ Filters: [{ Name: 'tag:Name', Values: ['a', 'c'] }] }), [4, undefined])
  t.strictSame(await list({ Filters: [{ Name: 'instance-state-name', Values: ['stop*'] }] }), [0, undefined])
  t.match(
    await refused(list({ Filters: [{ Name: 'colour', Values: ['red'] }] })),
    /The filter 'colour' is invalid/,
  )
  t.match(await refused(list({ MaxResults: 2 })), /^InvalidParameterValue/)
})

t.test('an instance that dies in its boot leaves a reason and its console', async (t) => {
  const at = await stand(t)
  at.double.account.deaths.push({
    code: 'Server.InternalError',
    message: 'Server.InternalError: x',
    console: 'panic',
  })
  const { InstanceId } = await run(at)
  await look(at, InstanceId)
  const dead = await look(at, InstanceId)
  t.equal(dead.State?.Name, 'terminated')
  t.equal(dead.StateReason?.Code, 'Server.InternalError')
  const { Output = '' } = await at.ec2.send(new GetConsoleOutputCommand({ InstanceId }))
  t.equal(Buffer.from(Output, 'base64').toString(), 'panic')
})

t.test('only who signs with a known key gets an answer, and only for what is permitted', async (t) => {
  const known = { ...CREDENTIAL, denied: ['RunInstances'] }
  const old = { accessKeyId: 'AKIDOLD', secretAccessKey: 'x', sessionToken: 's', expired: true }
  const at = await stand(t, { credentials: [known, old] })
  const ask = (credentials: EC2ClientConfig['credentials'], region = REGION): Promise<string> =>
    refused(clientOf(at.double, { credentials, region }).send(new DescribeSubnetsCommand({})))
  t.equal(await ask(CREDENTIAL), 'not refused')
  t.match(await ask({ accessKeyId: 'AKIDNOBODY', secretAccessKey: 'x' }), /^AuthFailure/)
  t.match(await ask({ ...CREDENTIAL, secretAccessKey: 'wrong' }), /^AuthFailure/)
  t.match(await ask({ ...CREDENTIAL, sessionToken: 'wrong' }), /^AuthFailure/)
  t.match(await ask(old), /^RequestExpired/)
  t.match(await ask(CREDENTIAL, 'ap-east-1'), /^AuthFailure/, 'no account has opted in to this region')
  t.match(await refused(run(at)), /^UnauthorizedOperation: .* ec2:RunInstances/)
})

t.test('a wrong clock is refused, and the date of the answer tells the right one', async (t) => {
  const off = new FakeClock(new Date(Date.now() + 3_600_000))
  const at = await stand(t, { clock: off })
  t.match(await refused(at.ec2.send(new DescribeRegionsCommand({}))), /^RequestExpired/)
  const patient = clientOf(at.double, { maxAttempts: 2 })
  t.equal(await refused(patient.send(new DescribeRegionsCommand({}))), 'not refused')
})

t.test('more requests than EC2 allows are refused for a while', async (t) => {
  const clock = new FakeClock(new Date())
  const at = await stand(t, { clock })
  const stop = (): Promise<string> =>
    refused(at.ec2.send(new StopInstancesCommand({ InstanceIds: ['i-0123456789abcdef0'] })))
  for (let i = 0; i < 5; i++) t.match(await stop(), /^InvalidInstanceID.NotFound/)
  t.match(await stop(), /^RequestLimitExceeded/)
  clock.advance(500)
  t.match(await stop(), /^InvalidInstanceID.NotFound/)
})

t.test('scripted faults: before acting, after it, and instead of an answer', async (t) => {
  const at = await stand(t)
  const image = await debian(at)
  at.double.fail({ kind: 'drop-before', operation: 'RunInstances' })
  t.not(await refused(run(at, { ImageId: image })), 'not refused')
  t.strictSame(at.double.inventory(), [])
  at.double.fail({ kind: 'drop-after', operation: 'RunInstances' })
  t.not(await refused(run(at, { ImageId: image })), 'not refused')
  t.equal(at.double.inventory().length, 2, 'an instance and its volume')
  at.double.fail({ kind: 'status', status: 503, code: 'Unavailable', times: 2 })
  t.match(await refused(run(at, { ImageId: image })), /^Unavailable/)
  t.equal(at.double.count('RunInstances'), 3)
  const patient = clientOf(at.double, { maxAttempts: 3 })
  t.equal(await refused(patient.send(new DescribeRegionsCommand({}))), 'not refused')
  t.strictSame(at.double.violations, [])
})

t.test('in a process of its own it is told and asked over HTTP', async (t) => {
  const child = spawn(process.execPath, ['--import', 'tsx', DOUBLE, '{"rates":false}'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  t.teardown(() => child.kill())
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const { url } = JSON.parse(line.toString()) as { url: string }
  const ask = async (what: string, body?: object): Promise<unknown> => {
    const init = body ? { method: 'POST', body: JSON.stringify(body) } : {}
    return await (await fetch(`${url}/_double/${what}`, init)).json()
  }
  await ask('faults', { kind: 'status', status: 400, code: 'Scripted', operation: 'DescribeRegions' })
  const ec2 = new EC2Client({ endpoint: url, region: REGION, credentials: CREDENTIAL, maxAttempts: 1 })
  t.teardown(() => ec2.destroy())
  t.match(await refused(ec2.send(new DescribeRegionsCommand({}))), /^Scripted/)
  t.equal(await refused(ec2.send(new DescribeRegionsCommand({}))), 'not refused')
  t.strictSame(await ask('counts'), { DescribeRegions: 2 })
  t.strictSame(await ask('inventory'), [])
  child.stdin.end()
  t.strictSame(await ended, [0, null])
})
