/** Client tokens: a lost answer is asked for again with the same, an answer that brought nothing never is. */
import t, { type Test } from 'tap'
import type { Machine } from '../../../doubles/ec2/state.js'
import { Ec2Trial } from '../../../helpers/ec2-trial.js'
import { BriskClock } from '../../../helpers/fast-clock.js'

t.setTimeout(120_000)

const instances = (trial: Ec2Trial): number =>
  trial.double.inventory().filter((line) => line.includes('instance i-')).length

const tokens = (trial: Ec2Trial, action: string): readonly unknown[] =>
  trial.double.requests
    .filter(({ operation }) => operation === action)
    .map(({ input }) => input['ClientToken'])

const tries = (trial: Ec2Trial): unknown =>
  trial.resources.find(({ kind }) => kind === 'server')?.attributes?.['tries']

function machineOf(trial: Ec2Trial): Machine {
  const [machine] = [...(trial.double.account.region('us-east-1')?.machines.values() ?? [])]
  if (!machine) throw new Error('there is no instance')
  return machine
}

/** Ends the client once EC2 has acted on this call: nothing more is recorded. */
async function cutOff(t: Test, trial: Ec2Trial, action: string): Promise<void> {
  const client = new AbortController()
  trial.double.onActed = ({ operation }) => {
    if (operation === action) client.abort()
  }
  await t.rejects(trial.record(trial.driver.create(trial.spec(), client.signal)))
  trial.double.onActed = () => undefined
}

t.test('a fleet that found no capacity is not asked for its old answer again', async (t) => {
  const trial = await Ec2Trial.start(t, { 'amazonec2-use-fleet': true })
  trial.double.account.capacity.push({ left: 0 })
  await t.rejects(trial.create(), { message: /no capacity/ })
  t.equal(tries(trial), 1)
  const lists = trial.double.count('DescribeInstances')
  trial.double.account.capacity.length = 0
  const other = await trial.elsewhere()
  await other.create()
  t.equal(instances(trial), 1)
  t.equal(new Set(tokens(trial, 'CreateFleet')).size, 2)
  t.ok(trial.double.count('DescribeInstances') - lists < 5, 'and nothing was looked for')
  await other.remove()
  t.strictSame(trial.double.inventory(), [])
})

for (const useFleet of [false, true])
  t.test(`a refusal for good settles a try: rm has nothing to look for (fleet: ${useFleet})`, async (t) => {
    const trial = await Ec2Trial.start(t, { 'amazonec2-use-fleet': useFleet })
    trial.double.account.limits.vcpus = 0
    await t.rejects(trial.create(), { message: /VcpuLimitExceeded/ })
    trial.double.account.limits.vcpus = 100
    const other = await trial.elsewhere()
    await other.create()
    t.equal(instances(trial), 1, 'the next try is another')
    await other.remove()
    const lists = trial.double.count('DescribeInstances')
    await trial.remove()
    t.ok(trial.double.count('DescribeInstances') - lists < 5)
    t.strictSame(trial.double.inventory(), [])
  })

for (const [action, flags] of [
  ['RunInstances', {}],
  ['CreateFleet', { 'amazonec2-use-fleet': true }],
] as const) {
  t.test(`${action}: a lost answer is asked for again with the same token`, async (t) => {
    const trial = await Ec2Trial.start(t, flags)
    trial.double.fail({ kind: 'drop-after', operation: action })
    await trial.create()
    t.equal(instances(trial), 1)
    t.equal(tokens(trial, action).length, 2)
    t.equal(new Set(tokens(trial, action)).size, 1)
    await trial.remove()
    t.strictSame(trial.double.inventory(), [])
  })

  t.test(`${action}: rm of what is only intended finds it although the list lags`, async (t) => {
    const trial = await Ec2Trial.start(t, flags, { unseen: 8, driverClock: new BriskClock(10) })
    await cutOff(t, trial, action)
    t.equal(instances(trial), 1)
    t.notOk(trial.resources.find(({ kind }) => kind === 'server')?.id)
    const other = await trial.elsewhere()
    await other.remove()
    t.strictSame(trial.double.inventory(), [])
    t.strictSame(other.resources, [])
  })

  t.test(`${action}: a resumed create with other settings takes the instance that there is`, async (t) => {
    const trial = await Ec2Trial.start(t, flags, { unseen: Infinity })
    await cutOff(t, trial, action)
    const other = await trial.elsewhere()
    const resumed = other.with({ ...other.config, imageName: 'debian-12' })
    resumed.resources = other.resources
    trial.double.onRequest = ({ operation }) => {
      if (operation === action) machineOf(trial).unseen = 0
    }
    await resumed.create()
    t.equal(new Set(tokens(trial, action)).size, 1)
    t.equal(instances(trial), 1)
    await resumed.remove()
    t.strictSame(trial.double.inventory(), [])
  })
}

t.test('the instance of an unanswered try has ended meanwhile: the next try makes another', async (t) => {
  const trial = await Ec2Trial.start(t)
  await cutOff(t, trial, 'RunInstances')
  const machine = machineOf(trial)
  delete machine.change
  machine.instance.State = { Name: 'terminated', Code: 48 }
  const other = await trial.elsewhere()
  await t.rejects(other.create(), { message: /IdempotentInstanceTerminated/, hints: [/--resume/] })
  await other.create()
  t.equal(instances(trial), 1)
  await other.remove()
  t.strictSame(trial.double.inventory(), [])
})
