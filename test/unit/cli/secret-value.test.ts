import { PassThrough } from 'node:stream'
import t from 'tap'
import { readSecretValue } from '../../../src/cli/secret-value.js'
import { withDeadline } from '../../../src/util/wait.js'
import { machineContext } from '../../helpers/machine-context.js'

t.test('a secret is read from standard input, and Ctrl-C ends the waiting for it', async (t) => {
  const own = Object.getOwnPropertyDescriptor(process, 'stdin') ?? {}
  t.teardown(() => Object.defineProperty(process, 'stdin', own))
  const type = (text?: string): void => {
    const value = new PassThrough()
    if (text !== undefined) value.end(text)
    Object.defineProperty(process, 'stdin', { value, configurable: true })
  }
  const stop = new AbortController()
  const ctx = machineContext({ dir: t.testdir(), signal: stop.signal })
  const read = () => withDeadline('the secret', 10_000, () => readSecretValue(ctx, 'token: '))
  type('hunter2\n')
  t.equal((await read()).reveal(), 'hunter2')
  type('')
  await t.rejects(read(), { code: 'usage' })
  type()
  const waiting = t.rejects(read(), { message: 'Ctrl-C' })
  stop.abort(new Error('Ctrl-C'))
  await waiting
})
