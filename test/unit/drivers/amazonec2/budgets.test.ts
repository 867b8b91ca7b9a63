import t from 'tap'
import type { RateLimit } from '../../../../src/contracts/account.js'
import { factory } from '../../../../src/drivers/amazonec2/index.js'
import { Ec2Double, type Credential } from '../../../doubles/ec2/index.js'
import { driverDeps, scratchDir } from '../../../helpers/driver-deps.js'
import { BriskClock } from '../../../helpers/fast-clock.js'
import { ec2Config } from '../../../helpers/ec2-trial.js'
import { MemoryDesk } from '../../../helpers/memory-desk.js'

t.test('one budget an action and place, whatever the session token', async (t) => {
  const keys = (sessionToken: string): Credential => ({
    accessKeyId: `ASIADOUBLE${sessionToken.toUpperCase()}`,
    secretAccessKey: 'double-secret',
    sessionToken,
  })
  const sessions = [keys('first'), keys('second')]
  const clock = new BriskClock(50)
  const double = await Ec2Double.start({ servers: 'none', clock, credentials: sessions })
  t.teardown(() => double.close())
  const asked: string[] = []
  const deps = {
    ...driverDeps(scratchDir(t)),
    clock,
    account: (key: string) =>
      new (class extends MemoryDesk {
        override budget(limit: RateLimit) {
          asked.push(`${limit.name} at ${key}`)
          return super.budget(limit)
        }
      })(clock),
  }
  const driver = await factory.open(deps)
  for (const { accessKeyId, secretAccessKey, sessionToken = '' } of [...sessions, ...sessions])
    await driver.inventory?.(
      {
        storeId: 'f'.repeat(32),
        config: ec2Config({
          'amazonec2-endpoint': double.url,
          'amazonec2-access-key': accessKeyId,
          'amazonec2-secret-key': secretAccessKey,
          'amazonec2-session-token': sessionToken,
        }),
      },
      new AbortController().signal,
    )
  t.equal(double.requests.filter(({ status }) => status !== 200).length, 0)
  t.ok(double.count('DescribeInstances') >= 4)
  t.strictSame(asked, [...new Set(asked)], 'each is asked for once')
  t.ok(asked.includes(`DescribeInstances at amazonec2 ${double.url} us-east-1`), asked.join(', '))
})
