import t from 'tap'
import type { MachineSpec } from '../../../../../src/contracts/driver.js'
import { ApiError, type Fate } from '../../../../../src/drivers/common/api/errors.js'
import type { CloudAccount } from '../../../../../src/drivers/common/cloud/account.js'
import { makeOnce } from '../../../../../src/drivers/common/cloud/make-once.js'
import type { Found, Part } from '../../../../../src/drivers/common/cloud/part.js'
import { FakeClock } from '../../../../helpers/fake-clock.js'
import { NEVER } from '../../../../helpers/never.js'

const THERE: Found = { id: '1' }

/** What a provider does with each `make`, and from which `find` on it shows what it has. */
interface Story {
  readonly makes: readonly (Fate | 'made')[]
  readonly seenFrom?: number
  readonly mayTwin?: true
}

async function tell({ makes, seenFrom = Infinity, mayTwin }: Story) {
  const clock = new FakeClock()
  let made = 0
  let looked = 0
  const part: Part<CloudAccount> = {
    kind: 'server',
    text: 'server',
    ...(mayTwin ? { mayTwin } : {}),
    keys: () => ['web'],
    make: () => {
      const fate = makes[made++] ?? 'refused'
      return fate === 'made' ? Promise.resolve(THERE) : Promise.reject(new ApiError(`no: ${fate}`, { fate }))
    },
    find: () => Promise.resolve(++looked >= seenFrom ? THERE : undefined),
    remove: () => Promise.resolve(),
  }
  const spec = { machine: { name: 'web' } } as unknown as MachineSpec
  const outcome = await makeOnce(
    { clock } as unknown as CloudAccount,
    part,
    { spec, key: 'web', made: {} },
    NEVER,
  ).catch((error: unknown) => error)
  return { outcome, made, tookMs: clock.monotonicMs() }
}

t.test('what is seen after a lost answer is taken, however late', async (t) => {
  for (const seenFrom of [1, 5])
    t.match(await tell({ makes: ['unknown'], seenFrom, mayTwin: true }), { outcome: THERE, made: 1 })
})

t.test('what could come twice is not made twice, and the error says what to do', async (t) => {
  const { outcome, made, tookMs } = await tell({ makes: ['unknown', 'made'], mayTwin: true })
  t.equal(made, 1)
  t.ok(tookMs >= 15_000, `it was looked for during ${tookMs} ms`)
  t.match(outcome, {
    code: 'driver',
    fate: 'unknown',
    message: /^no: unknown\. The server was not seen within 20 s and may still come/,
    hints: [/^tsmachine create --resume web looks for it again/, /^tsmachine rm web/],
  })
})

t.test('what the provider makes only once is asked for again', async (t) => {
  t.match(await tell({ makes: ['unknown', 'made'] }), { outcome: THERE, made: 2 })
})

t.test('a refusal of the second request may mean that the first has come through', async (t) => {
  const first = await tell({ makes: ['unknown'] })
  const looks = 30
  t.match(first, { outcome: { fate: 'refused' }, made: 2 })
  const late = await Promise.all(
    Array.from(
      { length: looks },
      async (_value, index) => await tell({ makes: ['unknown'], seenFrom: index + 1 }),
    ),
  )
  t.ok(late.some(({ outcome, made }) => outcome === THERE && made === 2))
})

t.test('a refusal of the first request is told as it is', async (t) => {
  t.match(await tell({ makes: ['refused'], seenFrom: 1, mayTwin: true }), {
    outcome: { message: 'no: refused' },
    made: 1,
  })
})
