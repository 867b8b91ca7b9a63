// Our double of EC2 beside moto, which others wrote: where the two agree, driver and double do not share a mistake.
import { EC2Client } from '@aws-sdk/client-ec2'
import t from 'tap'
import { silenceSdk } from '../../src/util/aws-environment.js'
import { CREDENTIAL, Ec2Double } from '../doubles/ec2/index.js'
import { STEPS, type Trip } from '../helpers/ec2-facts.js'
import { Ec2Trial } from '../helpers/ec2-trial.js'
import { startMoto } from '../helpers/moto.js'

silenceSdk()

/** Where moto is known to differ from EC2, and what it says. */
const MOTO_DIFFERS: Readonly<Record<string, unknown>> = {
  'no key': 'refused: InvalidKeyPair.Format',
  'a launch of no type': 'refused: InvalidInstanceType.NotFound',
}

t.test('moto and our double say the same of a life', async (t) => {
  const moto = await startMoto()
  t.teardown(() => moto.stop())
  const double = await Ec2Double.start({ rates: false })
  t.teardown(() => double.close())
  const [theirs, ours] = [moto.url, double.url].map((endpoint): Trip => {
    const ec2 = new EC2Client({ endpoint, region: 'us-east-1', credentials: CREDENTIAL, maxAttempts: 1 })
    t.teardown(() => ec2.destroy())
    return { ec2, found: {} }
  }) as [Trip, Trip]
  for (const [name, step] of Object.entries(STEPS)) {
    const [said, answer] = [await step(theirs), await step(ours)]
    if (!(name in MOTO_DIFFERS)) t.strictSame(answer, said, name)
    else t.strictSame(said, MOTO_DIFFERS[name], `moto still differs: ${name}`)
  }
  t.strictSame(double.inventory(), [])
  t.strictSame(double.violations, [])
})

const NEVER = new AbortController().signal

/** moto has no Debian, and does not tell the groups of an instance's network interface. */
t.test("the driver's life at moto: create, ls, access, stop, start, rm", async (t) => {
  const moto = await startMoto()
  t.teardown(() => moto.stop())
  const trial = await Ec2Trial.start(t, {
    'amazonec2-endpoint': moto.url,
    'amazonec2-image-name': 'amzn2-ami-hvm-2*',
    'amazonec2-image-owner': 'amazon',
    'amazonec2-request-spot-instance': true,
  })
  const { driver } = trial
  const state = async (): Promise<unknown> => (await driver.states([trial.machine()], NEVER))[0]?.state
  t.strictSame(await trial.preflight(), [])
  await trial.create()
  t.equal(await state(), 'Running')
  t.match(trial.resources.find(({ kind }) => kind === 'server')?.attributes, { market: 'spot' })
  const before = driver.endpoint(trial.machine()).address
  await driver.label?.(trial.machine(), { 'tsmachine-hostkey': 'SHA256:x' }, NEVER)
  const found = await driver.inventory?.({ storeId: '', config: trial.config }, NEVER)
  t.match(found, [
    { resource: { kind: 'server', tags: { 'tsmachine-id': trial.id, 'tsmachine-hostkey': 'SHA256:x' } } },
    { resource: { kind: 'firewall' } },
    { resource: { kind: 'key-pair' } },
  ])
  const here = ['203.0.113.7/32']
  await trial.record(driver.setAccess?.(trial.machine(), { ssh: here, engine: here }, NEVER))
  await trial.record(driver.stop?.(trial.machine(), NEVER))
  t.equal(await state(), 'Stopped')
  await trial.record(driver.start?.(trial.machine(), undefined, NEVER))
  t.not(driver.endpoint(trial.machine()).address, before)
  await trial.remove()
  t.strictSame(trial.resources, [])
  t.strictSame(await driver.inventory?.({ storeId: '', config: trial.config }, NEVER), [])
})
