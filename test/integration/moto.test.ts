// Our double of EC2 beside moto, which others wrote: where the two agree, driver and double do not share a mistake.
import { join } from 'node:path'
import { EC2Client } from '@aws-sdk/client-ec2'
import t from 'tap'
import { collectFlagValues } from '../../src/drivers/common/flags.js'
import { loadFactory } from '../../src/drivers/registry.js'
import { CREDENTIAL, Ec2Double } from '../doubles/ec2/index.js'
import { type CloudTask, follow, machineOf, openDriver, perform, recorded } from '../helpers/cloud-worker.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { KEY, STEPS, type Trip } from '../helpers/ec2-facts.js'
import { startMoto } from '../helpers/moto.js'

const NEVER = new AbortController().signal

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

t.test('our driver makes, stops, starts and removes a machine at moto, and leaves nothing', async (t) => {
  const moto = await startMoto()
  t.teardown(() => moto.stop())
  const factory = await loadFactory('amazonec2')
  const flags = {
    'amazonec2-access-key': 'test',
    'amazonec2-secret-key': 'test',
    'amazonec2-endpoint': moto.url,
    // The newest that moto knows with a name in today's form.
    'amazonec2-image-name': 'ubuntu-16.04',
  }
  const parsed = factory.parse(collectFlagValues(factory.flags, flags, {}).values)
  if (!parsed.ok) throw new Error(parsed.faults.join())
  const record = join(scratchDir(t), 'record.json')
  const task: CloudTask = {
    driver: 'amazonec2',
    config: parsed.config,
    machine: { name: 'm', id: 'a'.repeat(32), storeId: 'f'.repeat(32) },
    record,
    extra: {
      seed: { metaData: '', userData: '#cloud-config\n{}\n' },
      placeholderKey: KEY.toString(),
      access: { ssh: ['0.0.0.0/0', '::/0'], engine: [] },
    },
    access: { ssh: ['198.51.100.7/32'], engine: ['198.51.100.7/32'] },
    verb: 'create',
    speed: 20,
  }
  const driver = await openDriver(task)
  await perform(task, driver)
  const states = async (): Promise<unknown> => await driver.states([machineOf(task)], NEVER)
  t.match(await states(), [{ state: 'Running' }])
  const first = driver.endpoint(machineOf(task)).address
  for await (const _event of driver.stop?.(machineOf(task), NEVER) ?? []);
  t.match(await states(), [{ state: 'Stopped' }])
  await follow(task, driver.start?.(machineOf(task), undefined, NEVER))
  t.not(driver.endpoint(machineOf(task)).address, first)
  await perform({ ...task, verb: 'remove' }, driver)
  t.strictSame(recorded(task), [])
  const account = { storeId: task.machine.storeId, config: task.config }
  t.strictSame(await driver.inventory?.(account, NEVER), [], 'also by their tags')
})
