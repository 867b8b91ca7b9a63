/**
 * A process of its own that makes GET calls through the API client: what Node reads once when it starts (proxy variables,
 * further certificate authorities) can be tested only so. Called with base URLs as JSON; prints one JSON line for each.
 */
import { ApiClient } from '../../src/drivers/common/api/client.js'
import { isApiError } from '../../src/drivers/common/api/errors.js'
import { FakeClock } from './fake-clock.js'

async function outcomeOf(baseUrl: string): Promise<object> {
  const client = new ApiClient({
    provider: 'Acme',
    baseUrl,
    headers: () => ({ authorization: 'Bearer canary' }),
    secrets: ['canary'],
    errorOf: () => ({ message: 'no' }),
    clock: new FakeClock(),
  })
  const call = { method: 'GET', path: '/droplets', what: 'list the droplets' } as const
  const never = new AbortController().signal
  try {
    const bodies = [await client.call(call, never), await client.call(call, never)]
    return { bodies }
  } catch (error) {
    if (!isApiError(error)) throw error
    return { message: error.message, hints: error.hints, fate: error.fate }
  } finally {
    client.close()
  }
}

for (const baseUrl of JSON.parse(process.argv[2] ?? '[]') as string[])
  process.stdout.write(`${JSON.stringify(await outcomeOf(baseUrl))}\n`)
