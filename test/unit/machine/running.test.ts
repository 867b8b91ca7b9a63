import t from 'tap'
import type { DriverFactory } from '../../../src/contracts/driver.js'
import type { MachineState } from '../../../src/contracts/state.js'
import { createMachine } from '../../../src/machine/create.js'
import { machineLogs } from '../../../src/machine/logs.js'
import { openMachine } from '../../../src/machine/open.js'
import { planMachine, provisionMachine } from '../../../src/machine/provision.js'
import { renewNow } from '../../../src/machine/renew-now.js'
import { startMachine } from '../../../src/machine/start.js'
import { powerState } from '../../../src/machine/state.js'
import { machineStatus } from '../../../src/machine/status.js'
import { FakeProvider } from '../../doubles/fake-driver/provider.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { bareFactory, fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

/** A driver that sees one state from this computer and another when it really asks. */
function seeing(local: MachineState, state: MachineState): DriverFactory {
  return {
    ...bareFactory,
    async open(deps) {
      const driver = await bareFactory.open(deps)
      return Object.assign(driver, {
        localState: () => local,
        states: (machines: readonly { id: string }[]) =>
          Promise.resolve(machines.map(({ id }) => ({ id, state }))),
      })
    },
  }
}

async function machine(t: Parameters<typeof scratchDir>[0], local: MachineState, state: MachineState) {
  const dir = scratchDir(t)
  const flagValues = fakeFlags(new FakeProvider(`${dir}/provider`).dir)
  const made = machineContext({ dir, factories: { fake: bareFactory } })
  await createMachine(made, { name: 'web', driver: 'fake', flagValues, options: machineOptions() })
  return machineContext({ dir, factories: { fake: seeing(local, state) } })
}

t.test('status and start see that a guest with power hangs; the power is known without asking', async (t) => {
  for (const state of ['Error', 'Paused'] as const) {
    const ctx = await machine(t, 'Running', state)
    t.equal(await machineStatus(ctx, 'web'), state)
    t.equal(await powerState(await openMachine(ctx, 'web'), ctx.signal), 'Running')
    const hints = ['tsmachine logs web --boot', 'Cut its power, then start it: tsmachine kill web']
    await t.rejects(startMachine(ctx, 'web'), { message: new RegExp(state), hints })
  }
})

t.test('what needs a running host says so at once when it is stopped', async (t) => {
  const ctx = await machine(t, 'Stopped', 'Stopped')
  const refusal = { code: 'not-running', hints: ['Start it: tsmachine start web'] }
  await t.rejects(provisionMachine(ctx, 'web'), refusal)
  await t.rejects(planMachine(ctx, 'web'), refusal)
  await t.rejects(renewNow(ctx, 'web', false), refusal)
  const print = (): void => void t.fail('there is no log to print')
  await t.rejects(machineLogs(ctx, 'web', { kind: 'engine', follow: false }, print), refusal)
})
