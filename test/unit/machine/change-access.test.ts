import { join } from 'node:path'
import t from 'tap'
import { machineAccess } from '../../../src/machine/change-access.js'
import { createMachine } from '../../../src/machine/create.js'
import { bareFactory, fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

t.test('a machine whose create ended before its firewall was narrowed is open at port 22', async (t) => {
  const dir = t.testdir()
  const ctx = machineContext({ dir, factories: { fake: bareFactory } })
  const flagValues = fakeFlags(join(dir, 'provider'))
  await createMachine(ctx, { name: 'web', driver: 'fake', flagValues, options: machineOptions() })
  const { config, ledger } = ctx.store.get('web')
  if (!ledger) throw new Error('there is no ledger')
  const { access: _told, ...rest } = ledger
  const everybody = ['0.0.0.0/0', '::/0']
  const open = async (phase: 'failed' | 'ready'): Promise<unknown> => {
    await ctx.store.remove('web')
    await ctx.store.create('web', { config, ledger: { ...rest, phase } })
    const { ssh, engine } = await machineAccess(ctx, 'web')
    return { ssh, engine }
  }
  t.strictSame(await open('failed'), { ssh: everybody, engine: [] })
  t.strictSame(await open('ready'), { ssh: everybody, engine: everybody }, "docker-machine's")
})
