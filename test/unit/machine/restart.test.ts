import t from 'tap'
import { MachineError } from '../../../src/contracts/errors.js'
import { isBootedAnew } from '../../../src/machine/restart.js'
import { SshError } from '../../../src/ssh/errors.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { waitFor } from '../../../src/util/wait.js'

t.test('a host that goes down while it is asked for its boot is asked again', async (t) => {
  const answers = [
    () => 'old',
    () => {
      throw new SshError('reset', 'Lost the SSH connection')
    },
    () => {
      throw new MachineError('timeout', 'Gave up waiting for the command')
    },
    () => 'new',
  ]
  const ask = () => Promise.resolve().then(() => answers.shift()?.() ?? 'nobody')
  const options = { deadlineMs: 60_000, clock: new FakeClock() }
  t.equal(await waitFor('another boot', () => isBootedAnew('old', ask), options), true)
  t.equal(answers.length, 0)
})

t.test('what does not pass by itself ends the waiting for another boot', async (t) => {
  const refused = () => Promise.reject(new SshError('auth', 'refused our key'))
  await t.rejects(isBootedAnew('old', refused), { message: 'refused our key' })
})

t.test('a host that says nothing of its boot while it goes down is no new boot', async (t) => {
  t.match(await isBootedAnew('old', () => Promise.resolve('')), { observation: /does not say/ })
})
