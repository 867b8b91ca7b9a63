import t from 'tap'
import { ApiError } from '../../../../../src/drivers/common/api/errors.js'
import { Poll } from '../../../../../src/drivers/common/api/poll.js'
import { pending } from '../../../../../src/util/wait.js'
import { HandClock } from '../../../../helpers/hand-clock.js'

interface Server {
  readonly id: number
  readonly status: string
}

const limits = { deadlineMs: 600_000 }
const isActive = (id: number) => (list: readonly Server[]) => {
  const found = list.find((server) => server.id === id)
  return found?.status === 'active' ? found : pending(found?.status ?? 'not listed')
}

/** A provider at which server N is active from second N on; `lists` holds the times of the list calls. */
function provider(servers: number, pageSize?: number) {
  const clock = new HandClock()
  const lists: number[] = []
  const list = async (): Promise<Server[]> => {
    lists.push(clock.monotonicMs())
    return Array.from({ length: servers }, (_item, id) => ({
      id,
      status: clock.monotonicMs() >= id * 1_000 ? 'active' : 'new',
    }))
  }
  return { clock, lists, poll: new Poll<Server>({ list, clock, ...(pageSize ? { pageSize } : {}) }) }
}

t.test('one who waits is asked for fast at first, then slower', async (t) => {
  const { clock, lists, poll } = provider(60)
  const found = poll.until('server 45', isActive(45), limits)
  await clock.runUntil(found)
  t.match(await found, { id: 45 })
  const pauses = lists.map((at, index) => at - (lists[index - 1] ?? 0))
  t.equal(pauses[0], 1_000)
  t.ok(
    pauses.every((pause, index) => pause >= (pauses[index - 1] ?? 0)),
    String(pauses),
  )
  t.equal(pauses.at(-1), 10_000)
})

t.test('many who wait share each list', async (t) => {
  const { clock, lists, poll } = provider(60)
  const all = Promise.all(
    Array.from({ length: 60 }, (_item, id) => poll.until(`server ${id}`, isActive(id), limits)),
  )
  await clock.runUntil(all)
  t.strictSame(
    (await all).map(({ id }) => id),
    Array.from({ length: 60 }, (_item, id) => id),
  )
  t.ok(lists.length <= 9, `${lists.length} lists for 60 servers`)
})

t.test('the loop ends with the last who waits, and begins again', async (t) => {
  const { clock, lists, poll } = provider(3)
  await clock.runUntil(poll.until('server 2', isActive(2), limits))
  const after = lists.length
  await clock.advance(120_000)
  t.equal(lists.length, after, 'nobody waits: nothing is asked')
  await clock.runUntil(poll.until('server 1', isActive(1), limits))
  t.equal(lists.length, after + 1)
})

t.test('a newcomer makes the pace fast again', async (t) => {
  const { clock, lists, poll } = provider(200)
  const slow = poll.until('server 150', isActive(150), limits)
  await clock.advance(100_500)
  t.ok(clock.monotonicMs() - (lists.at(-1) ?? 0) < 10_000)
  const before = lists.length
  const quick = poll.until('server 1', isActive(1), limits)
  await clock.advance(1_000)
  t.equal(lists.length, before + 1, 'not after up to ten seconds')
  await quick
  await clock.runUntil(slow)
})

t.test('a list of many pages is asked for less often', async (t) => {
  const few = provider(40, 100)
  await few.clock.runUntil(few.poll.until('server 20', isActive(20), limits))
  const many = provider(40, 4)
  await many.clock.runUntil(many.poll.until('server 20', isActive(20), limits))
  t.ok(many.lists.length < few.lists.length, `${many.lists.length} and ${few.lists.length}`)
})

t.test('only a list that began after the call counts', async (t) => {
  const clock = new HandClock()
  const answers: ((list: Server[]) => void)[] = []
  const poll = new Poll<Server>({ clock, list: () => new Promise((resolve) => answers.push(resolve)) })
  const first = poll.until('server 1', isActive(1), limits)
  await clock.advance(1_000)
  const late = poll.until('server 1 again', isActive(1), limits)
  answers[0]?.([{ id: 1, status: 'active' }])
  await first
  t.equal(answers.length, 1)
  let ended = false
  late.then(
    () => (ended = true),
    () => (ended = true),
  )
  await clock.advance(10)
  t.notOk(ended, 'the list that was on its way is of before')
  await clock.advance(2_000)
  answers[1]?.([{ id: 1, status: 'active' }])
  t.match(await late, { id: 1 })
})

t.test('each has its own deadline, with what it saw last', async (t) => {
  const { clock, poll } = provider(60)
  const patient = poll.until('server 50', isActive(50), limits)
  const hasty = poll.until('server 55', isActive(55), { deadlineMs: 20_000, hints: ['look there'] })
  hasty.catch(() => undefined)
  await clock.runUntil(patient)
  await t.rejects(hasty, {
    code: 'timeout',
    message: /server 55 after .* last seen: new$/,
    hints: ['look there'],
  })
})

t.test('each has its own signal', async (t) => {
  const { clock, poll } = provider(60)
  const stop = new AbortController()
  const reason = new Error('Ctrl-C')
  const patient = poll.until('server 30', isActive(30), limits)
  const stopped = poll.until('server 40', isActive(40), { ...limits, signal: stop.signal })
  stopped.catch(() => undefined)
  await clock.advance(5_000)
  stop.abort(reason)
  await t.rejects(stopped, reason)
  await clock.runUntil(patient)
  await t.rejects(poll.until('x', isActive(1), { ...limits, signal: stop.signal }), reason)
})

t.test(
  'a list that fails in a way that passes is "not yet"; one that is refused ends all waits',
  async (t) => {
    const clock = new HandClock()
    const passing = new ApiError('busy', { fate: 'refused', status: 503, passing: true })
    const final = new ApiError('token revoked', { fate: 'refused', status: 401 })
    const answers: (Server[] | ApiError)[] = [passing, [{ id: 1, status: 'active' }], final]
    const poll = new Poll<Server>({
      clock,
      list: async () => {
        const answer = answers.shift() ?? []
        if (answer instanceof Error) throw answer
        return answer
      },
    })
    const one = poll.until('server 1', isActive(1), limits)
    const others = [2, 3].map((id) => poll.until(`server ${id}`, isActive(id), limits))
    for (const other of others) other.catch(() => undefined)
    await clock.runUntil(one)
    for (const other of others) {
      await clock.runUntil(other.catch(() => undefined))
      await t.rejects(other, final)
    }
  },
)
