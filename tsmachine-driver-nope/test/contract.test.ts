import assert from 'node:assert/strict'
import test from 'node:test'
import { NEVER, packageContract, packageSubject, Trial } from 'tsmachine/driver/testing'
import { driver } from '../src/index.js'
import { Provider, TOKEN } from './provider.js'

const provider = await Provider.start()
test.after(() => provider.stop())

const told = {
  good: { 'nope-token': TOKEN, 'nope-endpoint': provider.url },
  bad: { 'nope-size': 'huge', 'nope-endpoint': 'nowhere', 'nope-regoin': 'north' },
  faults: [
    /nope-size wants one of/,
    /nope-endpoint wants a URL/,
    /did you mean --nope-region/,
    /requires the --nope-token/,
  ],
  leftovers: () => Promise.resolve(provider.servers.map(({ name }) => name)),
  count: () => Promise.resolve(provider.servers.length),
  listCalls: () => provider.requests.filter((request) => request === 'GET /servers').length,
}

// The rules that every driver keeps: docs/writing-a-driver.md of tsmachine.
packageContract(test, driver, () => told)

for (const kind of ['lost', 'busy'] as const)
  test(`a create whose answer is ${kind} makes one server`, async (t) => {
    const subject = packageSubject(driver, told, { teardown: (work) => t.after(work) })
    const trial = await Trial.begin(subject)
    provider.faults.push({ request: 'POST /servers', kind })
    await trial.create(await trial.open())
    assert.equal(provider.servers.length, 1)
    await trial.remove(await trial.open())
    assert.deepEqual(provider.servers, [])
  })

test('a refusal has the words of the provider, and is not tried again', async (t) => {
  const wrong = { ...told, good: { ...told.good, 'nope-token': 'wrong' } }
  const trial = await Trial.begin(packageSubject(driver, wrong, { teardown: (work) => t.after(work) }))
  const before = provider.requests.length
  await assert.rejects((await trial.open()).preflight(trial.spec(), NEVER), /401.*who are you/)
  assert.equal(provider.requests.length, before + 1)
})
