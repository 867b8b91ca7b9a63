/** A verb that fails before its work begins lets go of its machine: on a shared store others would wait for good. */
import { join } from 'node:path'
import t from 'tap'
import type { MachineContext } from '../../../src/machine/context.js'
import { changeAccess } from '../../../src/machine/change-access.js'
import { createMachine } from '../../../src/machine/create.js'
import { provisionMachine } from '../../../src/machine/provision.js'
import { removeMachine } from '../../../src/machine/remove.js'
import { renewNow } from '../../../src/machine/renew-now.js'
import { restartMachine } from '../../../src/machine/restart.js'
import { startMachine } from '../../../src/machine/start.js'
import { killMachine } from '../../../src/machine/stop.js'
import { suspendMachine } from '../../../src/machine/suspend.js'
import { upgradeMachine } from '../../../src/machine/upgrade.js'
import { bareFactory, fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

type Verb = (ctx: MachineContext, name: string) => Promise<unknown>

const VERBS: Readonly<Record<string, Verb>> = {
  access: (ctx, name) => changeAccess(ctx, name, { here: true, add: [], remove: [] }),
  provision: provisionMachine,
  'regenerate-certs': (ctx, name) => renewNow(ctx, name, true),
  restart: restartMachine,
  start: startMachine,
  suspend: suspendMachine,
  upgrade: (ctx, name) => upgradeMachine(ctx, name, { force: false }),
  kill: killMachine,
  rm: (ctx, name) => removeMachine(ctx, name, { force: false }),
}

t.test('a machine that cannot be opened is left unlocked by every verb', async (t) => {
  const dir = t.testdir()
  const ctx = machineContext({ dir, factories: { fake: bareFactory } })
  const flagValues = fakeFlags(join(dir, 'provider'))
  await createMachine(ctx, { name: 'web', driver: 'fake', flagValues, options: machineOptions() })
  const broken = { ...ctx, drivers: { load: () => Promise.reject(new Error('no driver today')) } }
  for (const [verb, run] of Object.entries(VERBS)) {
    await t.rejects(run(broken, 'web'), { message: /no driver today/ }, verb)
    t.equal(ctx.store.lockHolder('web'), undefined, verb)
  }
})
