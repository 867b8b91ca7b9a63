/** The `generic` driver on a host with OpenRC: Debian 13 again, with the other init system of its disk. */
import t from 'tap'
import { importBusybox } from '../helpers/busybox-image.js'
import { TestUser } from '../helpers/cli.js'
import { genericFlags } from '../helpers/generic-flags.js'
import { GenericMachine, HOSTILE_FLAGS } from '../helpers/generic-machine.js'
import { startStockVm } from '../helpers/stock-vm.js'
import { retry } from '../../src/util/wait.js'

t.setTimeout(900_000)
const user = new TestUser()
t.teardown(() => user.cleanUp())

t.test('a host with OpenRC gets our engine and keeps it', async (t) => {
  const vm = await startStockVm({ variant: 'trixie' })
  t.teardown(() => vm.stop())
  const machine = new GenericMachine(user, vm, 'openrc')
  await user.ok(['create', ...(await genericFlags(vm)), ...HOSTILE_FLAGS, 'openrc'])
  t.match(machine.record, { phase: 'ready', engine: { source: 'bundled' } })
  await machine.hasHostileOptions(t)
  await importBusybox(user, 'openrc')
  t.equal(await machine.docker('run', '--rm', 'busybox', 'echo', 'it runs'), 'it runs')
  await machine.docker('run', '-d', '--restart', 'always', '--name', 'keep', 'busybox', 'sleep', '100000')
  await machine.isStable(t)
  await machine.renews(t)

  const boot = (): Promise<string> => vm.run('cat /proc/sys/kernel/random/boot_id')
  const before = await boot()
  const isBack = async (): Promise<void> => {
    if ((await boot()) === before) throw new Error('it has not gone down yet')
    if (!(await machine.docker('ps')).includes('keep')) throw new Error('its container does not run')
  }
  await vm.reset()
  await retry('the engine after a power cut', isBack, { deadlineMs: 300_000, isRetryable: () => true })
  await user.ok(['rm', '-y', 'openrc'])
})
