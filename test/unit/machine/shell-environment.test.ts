import t, { type Test } from 'tap'
import type { Driver, DriverFactory } from '../../../src/contracts/driver.js'
import type { LedgerRecord } from '../../../src/contracts/record.js'
import { factory as none } from '../../../src/drivers/none/index.js'
import type { MachineContext } from '../../../src/machine/context.js'
import { envVariables } from '../../../src/machine/env.js'
import { type ShellEnvironment, shellEnvironment } from '../../../src/machine/shell-environment.js'
import { newHostRecord, newLedger } from '../../../src/store/records.js'
import { shellEnvText } from '../../../src/ui/shell-env-text.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

const PROCESS = { pid: 12, startTime: '345', bootId: 'b' }

/** Driver `none` with other ways to know whether the machine runs. */
function driverWith(change: (driver: Driver) => Partial<Driver>): DriverFactory {
  return {
    ...none,
    open: async (deps) => {
      const driver = await none.open(deps)
      return { ...driver, endpoint: driver.endpoint.bind(driver), ...change(driver) }
    },
  }
}

const FACTORIES: Readonly<Record<string, DriverFactory>> = {
  vm: driverWith(() => ({ localState: () => 'Running', restsOn: () => PROCESS })),
  stopped: driverWith(() => ({ localState: () => 'Stopped', restsOn: () => PROCESS })),
  secretive: driverWith(() => ({ localState: () => 'Running' })),
  unseen: driverWith(() => ({ localState: () => 'Running', restsOn: () => undefined })),
  cloud: driverWith(() => ({})),
}

function context(t: Test): MachineContext {
  return machineContext({ dir: scratchDir(t), factories: FACTORIES })
}

/** What is kept for a machine of this driver. */
async function kept(
  ctx: MachineContext,
  driver: string,
  parts: Partial<LedgerRecord> = {},
): Promise<ShellEnvironment | undefined> {
  const name = parts.lastState ? `${driver}-${parts.lastState.state}` : driver
  const options = machineOptions()
  const config = { url: 'tcp://192.0.2.1:2376' }
  const ledger = {
    ...newLedger({ machineId: 'ab'.repeat(16), driver: { name: driver, config }, options, now: new Date() }),
    phase: 'ready' as const,
    ...parts,
  }
  const driverFields = none.record.toFields(config, [])
  const first = { name, store: ctx.store.root, driverName: driver, driverFields, options }
  if (!ctx.store.exists(name)) await ctx.store.create(name, { ledger, config: newHostRecord(first) })
  return await shellEnvironment(ctx, { ...ctx.store.get(name), ledger })
}

t.test('what env answers is kept, with the process that it depends on', async (t) => {
  const ctx = context(t)
  const wanted = async (name: string) => (await envVariables(ctx, name)).variables
  const plain = await kept(ctx, 'none')
  t.same(plain, { name: 'none', root: ctx.store.root, variables: await wanted('none') })
  t.match(await kept(ctx, 'vm'), { variables: await wanted('vm'), process: PROCESS })
  const lastState = { state: 'Running' as const, at: '' }
  t.match(await kept(ctx, 'cloud', { lastState }), { variables: await wanted('cloud-Running') })
})

t.test('nothing is kept where env fails or only the program can tell', async (t) => {
  const ctx = context(t)
  for (const driver of ['stopped', 'secretive', 'unseen', 'vmwarefusion'])
    t.equal(await kept(ctx, driver), undefined, driver)
  t.equal(await kept(ctx, 'cloud', { lastState: { state: 'Stopped', at: '' } }), undefined)
  t.equal(
    await kept(ctx, 'none', { engineTunnel: { port: 20_000 } }),
    undefined,
    'the tunnel is led there first',
  )
  for (const phase of ['creating', 'failed', 'removing'] as const)
    t.equal(await kept(ctx, 'none', { phase }), undefined, phase)
  const { ledger: _ours, ...theirs } = ctx.store.get('none')
  t.equal(await shellEnvironment(ctx, theirs), undefined, 'a record of docker-machine')
})

t.test('the text has one thing a line, or there is none', (t) => {
  const variables = [['DOCKER_HOST', 'tcp://$x']] as const
  t.equal(
    shellEnvText({ name: 'web', root: '/a b', variables, process: PROCESS }),
    'root /a b\nname web\npid 12\nstart 345\nboot b\nsh export DOCKER_HOST="tcp://\\$x"\nfish set -gx DOCKER_HOST "tcp://\\$x";\nend 1\n',
  )
  t.equal(shellEnvText({ name: 'web', root: '/a\nb', variables }), undefined)
  t.end()
})
