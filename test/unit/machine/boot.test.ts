import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { waitForBoot } from '../../../src/machine/boot.js'
import type { ConsoleWatch } from '../../../src/machine/console-watch.js'
import type { OpenMachine } from '../../../src/machine/open.js'
import { machineContext } from '../../helpers/machine-context.js'

t.test('a host that takes connections and says nothing: the timeout tells that', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const driver = {
    patience: () => 0.05,
    endpoint: () => ({ ssh: { host: '127.0.0.1', port, user: 'root' } }),
  }
  const open = { name: 'web', driver, machine: {}, ledger: { options: {} } } as unknown as OpenMachine
  const watch = { extendMs: () => 0, tail: () => undefined } as unknown as ConsoleWatch
  const ctx = machineContext({ dir: t.testdir() })
  await t.rejects(waitForBoot(ctx, open, watch, ctx.signal), {
    code: 'timeout',
    message: /last seen: no answer within 2 s$/,
  })
})
