/** The child's side, where the other one leaves at any moment. */
import { PassThrough, Writable } from 'node:stream'
import t from 'tap'
import type { Driver, DriverEvent, DriverFactory } from '../../../../src/contracts/driver.js'
import { DriverServer } from '../../../../src/drivers/process/server.js'
import { FakeClock } from '../../../helpers/fake-clock.js'

type Create = Driver['create']

function factoryWith(create: Create): DriverFactory {
  return {
    name: 'odd',
    open: () => Promise.resolve({ create } as unknown as Driver),
  } as unknown as DriverFactory
}

/** Each is sent when what came before has been answered. */
async function send(input: PassThrough, ...messages: readonly object[]): Promise<void> {
  for (const message of messages) {
    input.write(`${JSON.stringify(message)}\n`)
    await turns()
  }
}

async function turns(): Promise<void> {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve))
}

t.test(
  'a driver whose cleaning up fails when nobody wants more does not take the others along',
  async (t) => {
    const said: string[] = []
    const output = new Writable({ write: (chunk, _encoding, done) => (said.push(String(chunk)), done()) })
    const create: Create = async function* () {
      try {
        yield { type: 'log', level: 'info', text: 'begun' }
      } finally {
        await new FakeClock().sleep(1)
        throw new Error('cannot clean up')
      }
    }
    const faults: unknown[] = []
    const note = (fault: unknown): void => void faults.push(fault)
    process.on('unhandledRejection', note)
    t.teardown(() => process.off('unhandledRejection', note))
    const input = new PassThrough()
    const serving = new DriverServer(factoryWith(create), output).serve(input)
    await send(input, { id: 1, call: 'create', args: [{}] }, { id: 1, next: true }, { id: 1, end: true })
    input.end()
    await serving
    t.match(said.join(''), /begun/)
    t.strictSame(faults, [])
  },
)

t.test('when the parent has gone, what still runs comes to its own end', async (t) => {
  const output = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
  let [begun, cleaned] = [0, 0]
  const create: Create = async function* (_spec, signal): AsyncIterable<DriverEvent> {
    begun++
    try {
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
    } finally {
      await turns()
      cleaned++
    }
  }
  const input = new PassThrough()
  const serving = new DriverServer(factoryWith(create), output).serve(input)
  for (const id of [1, 2]) await send(input, { id, call: 'create', args: [{}] }, { id, next: true })
  input.end()
  await serving
  await turns()
  await turns()
  t.strictSame([begun, cleaned], [2, 2])
})
