import { apply } from '../../provision/apply.js'
import { pruneBundles } from '../../provision/plans/prune.js'
import type { MachineError } from '../contracts/errors.js'
import { install, preparePlan } from './install.js'
import { openMachine } from './open.js'
import { announceUpgrade, settleUpgrade } from './pending-upgrade.js'
import { planText } from './plan-text.js'
import { type HostUpgrade, type HostUpgrader, onHost, proveEngine } from './upgrade-shell.js'
import { say, stuck, takenBack, type UpgradePlan, type UpgradeResult } from './upgrade-steps.js'

/** Our bundle below /opt/tsmachine moves to the one on this computer. */
export const bundleUpgrader: HostUpgrader = { upgrade: upgradeBundle, plan: planBundle }

async function bundleMove({ ctx, open, facts }: HostUpgrade) {
  const bundle = await ctx.artefacts.engineBundle('amd64', ctx.signal)
  const cut = open.ledger.upgrade
  const from = cut?.from ?? facts.currentBundle ?? ''
  const changed = cut !== undefined || from !== bundle.version
  const result: UpgradeResult = {
    machine: open.name,
    source: 'bundled',
    from,
    to: bundle.version,
    changed,
  }
  return { bundle, result }
}

async function upgradeBundle(host: HostUpgrade): Promise<UpgradeResult> {
  const { ctx, open, shell, facts, choice } = host
  const { bundle, result } = await bundleMove(host)
  if (!result.changed) return result
  say(ctx, open, 'Upgrading docker...')
  await announceUpgrade(ctx, open, { source: 'bundled', from: result.from, to: result.to })
  try {
    await install(ctx, open, shell, {
      facts,
      choice: { bundle, force: choice.force },
      signal: ctx.signal,
    })
    await proveEngine(host)
  } catch (error) {
    ctx.signal.throwIfAborted()
    throw await goBack(host, result, error)
  }
  await settleUpgrade(ctx, open)
  await prune(host, result)
  return result
}

/** The bundle that ran before is still there: only links and units change. @returns the error to end with */
async function goBack(host: HostUpgrade, { from, to }: UpgradeResult, error: unknown): Promise<MachineError> {
  const { ctx, open, choice } = host
  if (!host.facts.bundles.includes(from)) return stuck(open, '', to, error, undefined)
  ctx.report({ type: 'warn', machine: open.name, text: `${to} does not run: going back to ${from}` })
  try {
    // The connection may be what failed.
    await onHost(ctx, await openMachine(ctx, open.name), choice, async (now) => {
      const bundle = { version: from }
      await install(ctx, now.open, now.shell, {
        facts: now.facts,
        choice: { bundle, force: choice.force },
        signal: ctx.signal,
      })
      await proveEngine(now)
    })
    await settleUpgrade(ctx, open)
    return takenBack(open, from, to, error)
  } catch (second) {
    ctx.signal.throwIfAborted()
    return stuck(open, from, to, error, second)
  }
}

/** What ran before stays for its containers' shims; what is older goes. */
async function prune({ shell, facts, ctx }: HostUpgrade, { from, to }: UpgradeResult): Promise<void> {
  const plan = pruneBundles(facts, [from, to])
  if (plan) await apply(shell, plan, { facts, signal: ctx.signal })
}

async function planBundle(host: HostUpgrade): Promise<UpgradePlan> {
  const { ctx, open, facts, choice } = host
  const { bundle, result } = await bundleMove(host)
  if (!result.changed) return { ...result, plan: '' }
  const { plan } = await preparePlan(ctx, open, facts, { bundle, force: choice.force })
  return { ...result, plan: planText(plan) }
}
