import t from 'tap'
import type { Driver, DriverMachine, JsonObject } from '../../../../src/contracts/driver.js'
import { factory } from '../../../../src/drivers/amazonec2/index.js'
import { CREDENTIAL } from '../../../doubles/ec2/index.js'
import { Ec2Trial } from '../../../helpers/ec2-trial.js'
import { driverRecord } from '../../../helpers/records.js'

const NEVER = new AbortController().signal

const instances = (trial: Ec2Trial): number =>
  trial.double.inventory().filter((line) => line.includes('instance i-')).length

async function state(driver: Driver, machine: DriverMachine): Promise<string | undefined> {
  return (await driver.states([machine], NEVER))[0]?.state
}

t.test('an answer that was lost, stumbles and throttling: one instance all the same', async (t) => {
  const trial = await Ec2Trial.start(t)
  const { double } = trial
  double.fail({ kind: 'drop-after', operation: 'RunInstances' })
  double.fail({
    kind: 'status',
    status: 500,
    code: 'InternalError',
    operation: 'RunInstances',
    acted: true,
    after: 1,
  })
  double.fail({
    kind: 'status',
    status: 503,
    code: 'RequestLimitExceeded',
    operation: 'RunInstances',
    after: 2,
  })
  double.fail({ kind: 'drop-after', operation: 'CreateSecurityGroup' })
  double.fail({ kind: 'drop-after', operation: 'ImportKeyPair' })
  double.fail({ kind: 'drop-after', operation: 'AuthorizeSecurityGroupIngress' })
  double.fail({ kind: 'status', status: 503, code: 'Unavailable', operation: 'DescribeInstances', times: 2 })
  await trial.create()
  t.equal(instances(trial), 1)
  t.equal(double.count('RunInstances'), 4)
  await trial.remove()
  t.strictSame(double.inventory(), [])
})

t.test('a new instance that EC2 does not list for a while is waited for', async (t) => {
  const trial = await Ec2Trial.start(t, {}, { unseen: 3 })
  await trial.create()
  t.equal(await state(trial.driver, trial.machine()), 'Running')
})

t.test('rm of an instance that EC2 does not know yet ends it', async (t) => {
  for (const age of ['new', 'unknown']) {
    const trial = await Ec2Trial.start(t, {}, { unseen: age === 'new' ? 6 : 1 })
    const events = trial.driver.create(trial.spec(), NEVER)
    for await (const event of events) {
      await trial.record([event])
      if (event.type === 'made' && event.resource.kind === 'server') break
    }
    if (age === 'unknown') trial.resources = trial.resources.map((each) => ({ ...each, attributes: {} }))
    t.equal(instances(trial), 1)
    await trial.remove()
    t.strictSame(trial.double.inventory(), [], `${age}: nothing is left`)
  }
})

t.test('rm of two machines at once whose instances take their time to end', async (t) => {
  const trial = await Ec2Trial.start(t)
  const both = [trial, trial.with(trial.config, 'b2'.repeat(16))]
  for (const each of both) await each.create()
  trial.double.account.delays['shutting-down'] = { ms: 100_000, looks: 1 }
  for (const each of both) for await (const _server of each.driver.remove(each.machine(), NEVER)) break
  const others = await Promise.all(both.map((each) => each.elsewhere()))
  await Promise.all(others.map((each) => each.remove()))
  t.strictSame(trial.double.inventory(), [])
})

t.test('an instance that dies in its boot: why, and its last words', async (t) => {
  const trial = await Ec2Trial.start(t)
  trial.double.account.deaths.push({
    code: 'Server.InternalError',
    message: 'Server.InternalError: Internal error on launch',
    console: 'Kernel panic - not syncing',
  })
  await t.rejects(trial.create(), {
    code: 'driver',
    message: /^Server i-\S+ failed: it was terminated: Server\.InternalError: Internal error on launch/,
    evidence: /Kernel panic/,
  })
  await trial.remove()
  t.strictSame(trial.double.inventory(), [])
})

t.test('termination protection is respected: rm says so and the record stays', async (t) => {
  const trial = await Ec2Trial.start(t)
  await trial.create()
  const id = trial.resources.find(({ kind }) => kind === 'server')?.id ?? ''
  const machine = trial.double.account.region('us-east-1')?.machines.get(id)
  if (!machine) return t.fail('no instance')
  machine.terminationProtected = true
  await t.rejects(trial.remove(), {
    code: 'driver',
    message: /OperationNotPermitted/,
    hints: [/termination protection.*--no-disable-api-termination/],
  })
  t.equal(machine.terminationProtected, true)
  t.ok(trial.resources.some(({ kind }) => kind === 'server'))
  machine.terminationProtected = false
  await trial.remove()
  t.strictSame(trial.double.inventory(), [])
})

t.test('stop, start with another address, kill; a one-time Spot instance cannot be stopped', async (t) => {
  const trial = await Ec2Trial.start(t)
  const { driver } = trial
  await trial.create()
  const before = driver.endpoint(trial.machine()).address
  await trial.record(driver.stop?.(trial.machine(), NEVER))
  t.equal(await state(driver, trial.machine()), 'Stopped')
  await trial.record(driver.start?.(trial.machine(), undefined, NEVER))
  t.not(driver.endpoint(trial.machine()).address, before)
  await trial.record(driver.kill?.(trial.machine(), NEVER))
  t.match(trial.asked('StopInstances'), { Force: true })
  const spot = await Ec2Trial.start(t, { 'amazonec2-request-spot-instance': true })
  await spot.create()
  await t.rejects(spot.record(spot.driver.stop?.(spot.machine(), NEVER)), {
    code: 'driver',
    hints: [/only removed/],
  })
})

t.test(
  'groups that the user names: joined, made where they are missing, left where they are his',
  async (t) => {
    const trial = await Ec2Trial.start(t, { 'amazonec2-security-group': ['mine', 'new'] })
    const region = trial.double.account.region('us-east-1')
    const vpc = [...(region?.vpcs.keys() ?? [])][0] ?? ''
    const mine = region?.addGroup(vpc, 'mine', 'his own', []).GroupId
    await trial.create()
    const groups = [...(region?.machines.values() ?? [])][0]?.instance.SecurityGroups
    t.match(groups, [{ GroupId: mine }, { GroupName: 'new' }, { GroupName: /^tsmachine-ffffffff-/ }])
    await trial.record(
      trial.driver.setAccess?.(
        trial.machine(),
        { ssh: ['203.0.113.7/32'], engine: ['203.0.113.7/32'] },
        NEVER,
      ),
    )
    const after = [...(region?.machines.values() ?? [])][0]?.instance.SecurityGroups ?? []
    t.strictSame(after.map(({ GroupName }) => GroupName).slice(0, 2), ['mine', 'new'])
    t.equal(after.length, 3)
    await trial.remove()
    t.match(trial.double.inventory(), [/\(mine\)$/])
  },
)

t.test('read-only groups are the only ones, and access changes nothing', async (t) => {
  const trial = await Ec2Trial.start(t, {
    'amazonec2-security-group': ['mine'],
    'amazonec2-security-group-readonly': true,
  })
  const region = trial.double.account.region('us-east-1')
  region?.addGroup([...region.vpcs.keys()][0] ?? '', 'mine', 'his own', [])
  t.strictSame(await trial.preflight(), [])
  await trial.create()
  const calls = trial.double.count()
  await trial.record(
    trial.driver.setAccess?.(trial.machine(), { ssh: ['203.0.113.7/32'], engine: [] }, NEVER),
  )
  t.equal(trial.double.count(), calls)
  const groups = [...(region?.machines.values() ?? [])][0]?.instance.SecurityGroups ?? []
  t.strictSame(
    groups.map(({ GroupName }) => GroupName),
    ['mine'],
  )
})

t.test('ports of --amazonec2-open-port are open to anybody; the engine is not', async (t) => {
  const trial = await Ec2Trial.start(t, { 'amazonec2-open-port': ['8080', '53/udp'] })
  await trial.create()
  const rules = trial.asked('AuthorizeSecurityGroupIngress')['IpPermissions'] as {
    FromPort: number
    IpProtocol: string
  }[]
  t.strictSame(
    [...new Set(rules.map(({ FromPort, IpProtocol }) => `${IpProtocol}/${FromPort}`))],
    ['tcp/22', 'tcp/8080', 'udp/53'],
  )
})

t.test('the console: all of it, and its end', async (t) => {
  const trial = await Ec2Trial.start(t)
  await trial.create()
  const id = trial.resources.find(({ kind }) => kind === 'server')?.id ?? ''
  const machine = trial.double.account.region('us-east-1')?.machines.get(id)
  if (machine) machine.lastWords = 'one\ntwo\nthree\n'
  const read = async (lines?: number): Promise<string> => {
    let text = ''
    for await (const part of trial.driver.console?.(trial.machine(), lines === undefined ? {} : { lines }) ??
      [])
      text += part
    return text
  }
  t.equal(await read(), 'one\ntwo\nthree\n')
  t.equal(await read(2), 'two\nthree\n')
  t.equal(await read(0), '')
})

t.test(
  "a machine of docker-machine's: state, stop, start with another address, rm with its key pair",
  async (t) => {
    const made = await Ec2Trial.start(t)
    const region = made.double.account.region('us-east-1')
    await made.create()
    const id = made.resources.find(({ kind }) => kind === 'server')?.id ?? ''
    const machine = region?.machines.get(id)
    if (machine) machine.instance.Tags = [{ Key: 'Name', Value: 'web' }]
    region?.keys.set('key-0web', { KeyName: 'web', KeyPairId: 'key-0web' })
    const { Driver: fields } = JSON.parse(driverRecord('amazonec2')) as { Driver: JsonObject }
    const { config, resources } = factory.record.fromFields({
      ...fields,
      Region: 'us-east-1',
      InstanceId: id,
      Endpoint: made.double.url,
    })
    const theirs = made.with(
      { ...config, accessKey: CREDENTIAL.accessKeyId, secretKey: CREDENTIAL.secretAccessKey },
      'b2'.repeat(16),
    )
    theirs.resources = resources
    t.equal(theirs.driver.endpoint(theirs.machine()).address, '192.0.2.11')
    t.equal(await state(theirs.driver, theirs.machine()), 'Running')
    await theirs.record(theirs.driver.stop?.(theirs.machine(), NEVER))
    await theirs.record(theirs.driver.start?.(theirs.machine(), undefined, NEVER))
    t.match(theirs.driver.endpoint(theirs.machine()).address, /^127\./)
    t.match(factory.record.toFields(config, theirs.resources), {
      IPAddress: /^127\./,
      PrivateIPAddress: /^172\./,
    })
    await theirs.remove()
    t.strictSame(theirs.resources, [])
    t.equal(instances(made), 0)
    t.notOk(region?.keys.has('key-0web'), 'its key pair is gone')
    t.equal(region?.keys.size, 1, 'that of the store is not')
  },
)

t.test('many machines: one list tells of all, shared things are made once', async (t) => {
  const first = await Ec2Trial.start(t)
  const more = ['b2', 'c3', 'd4'].map((id) => first.with(first.config, id.repeat(16)))
  const all = [first, ...more]
  await Promise.all(all.map((trial) => trial.create()))
  t.equal(first.double.count('CreateSecurityGroup'), 1)
  t.equal(first.double.count('ImportKeyPair'), 1)
  const before = first.double.count('DescribeInstances')
  t.strictSame(
    (
      await first.driver.states(
        all.map((trial) => trial.machine()),
        NEVER,
      )
    ).map((report) => report.state),
    all.map(() => 'Running'),
  )
  t.equal(first.double.count('DescribeInstances'), before + 1)
  await Promise.all(all.map((trial) => trial.remove()))
  t.strictSame(first.double.inventory(), [])
})
