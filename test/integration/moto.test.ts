// Our double of EC2 beside moto, which others wrote: where the two agree, driver and double do not share a mistake.
import { EC2Client } from '@aws-sdk/client-ec2'
import t from 'tap'
import { CREDENTIAL, Ec2Double } from '../doubles/ec2/index.js'
import { STEPS, type Trip } from '../helpers/ec2-facts.js'
import { startMoto } from '../helpers/moto.js'

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
