import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { waitForBoot } from '../../../src/machine/boot.js'
import type { ConsoleWatch } from '../../../src/machine/console-watch.js'
import type { OpenMachine } from '../../../src/machine/open.js'
import { after } from '../../../src/util/wait.js'
import { machineContext } from '../../helpers/machine-context.js'
import { poll } from '../../helpers/poll.js'

/** Of a line that needs 5 s for both. */
const ONE_WAY_MS = 2_500
/** Two looks, and much for a computer that does other things. */
const SWALLOWED_MS = 20_000

/** Waits for a host whose connections are answered by `serve`. */
async function boot(t: Test, patience: number, serve: (socket: Socket) => void): Promise<void> {
  const server = createServer(serve).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const driver = {
    patience: () => patience,
    endpoint: () => ({ ssh: { host: '127.0.0.1', port, user: 'root' } }),
  }
  const open = { name: 'web', driver, machine: {}, ledger: { options: {} } } as unknown as OpenMachine
  const watch = { extendMs: () => 0, tail: () => undefined } as unknown as ConsoleWatch
  const ctx = machineContext({ dir: t.testdir() })
  await waitForBoot(ctx, open, watch, ctx.signal)
}

t.test('a host that takes connections and says nothing: the timeout tells that', async (t) => {
  await t.rejects(
    boot(t, 0.05, () => undefined),
    { code: 'timeout', message: /last seen: no answer within 2 s$/ },
  )
})

t.test('a host is found over a line that needs five seconds for a round trip', async (t) => {
  const open = new Set<Socket>()
  await boot(t, 1, (socket) => {
    open.add(socket)
    socket
      .on('close', () => open.delete(socket))
      .on('error', () => undefined)
      .resume()
    after(ONE_WAY_MS, () => void (socket.destroyed || socket.write('SSH-2.0-far\r\n')))
  })
  await poll(5_000, () => Promise.resolve(open.size === 0))
})

t.test('a connection that a booting host has swallowed holds nobody up', async (t) => {
  let taken = 0
  const began = performance.now()
  // The first look and the slow one beside the second.
  await boot(t, 1, (socket) => void (++taken > 2 && socket.write('SSH-2.0-up\r\n')))
  t.ok(performance.now() - began < SWALLOWED_MS)
})
