import { MachineError } from '../contracts/errors.js'
import { requireRunning } from './address.js'
import { bundleUpgrader } from './upgrade-bundle.js'
import { packageUpgrader } from './upgrade-package.js'
import { type HostUpgrade, type HostUpgrader, onHost } from './upgrade-shell.js'
import { ensureStarted, type Upgrader } from './upgrade-steps.js'

/** An engine on a host that we reach over SSH: our bundle, or what the host's package manager has installed. */
export const hostUpgrader: Upgrader = {
  upgrade: async (ctx, open, choice) =>
    await onHost(ctx, await ensureStarted(ctx, open), choice, (host) => upgraderOf(host).upgrade(host)),
  async plan(ctx, open, choice) {
    requireRunning(open)
    return await onHost(ctx, open, choice, (host) => upgraderOf(host).plan(host))
  },
}

function upgraderOf({ facts, open }: HostUpgrade): HostUpgrader {
  if (facts.init === 'tsmachine')
    throw new MachineError(
      'provision',
      `"${open.name}" runs our boot image, which is replaced from outside`,
      {
        machine: open.name,
        hints: ['Give a newer image to whatever starts it, then restart it.'],
      },
    )
  if (facts.engine) return facts.engine.ours ? bundleUpgrader : packageUpgrader
  throw new MachineError('provision', `The host of "${open.name}" has no engine to upgrade`, {
    machine: open.name,
    hints: [`tsmachine provision ${open.name}`],
  })
}
