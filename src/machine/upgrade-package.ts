import { apply } from '../../provision/apply.js'
import { type EnginePackage, findEnginePackage } from '../../provision/engine-package.js'
import { collectFacts } from '../../provision/facts.js'
import { packagePlan } from '../../provision/plans/package-upgrade.js'
import { packageManager } from '../../provision/plans/packages.js'
import { MachineError } from '../contracts/errors.js'
import type { Facts, Plan } from '../contracts/provision.js'
import { install } from './install.js'
import { announceUpgrade, settleUpgrade } from './pending-upgrade.js'
import { planText } from './plan-text.js'
import { type HostUpgrade, type HostUpgrader, onHost, proveEngine } from './upgrade-shell.js'
import { say, stuck, takenBack, type UpgradePlan, type UpgradeResult } from './upgrade-steps.js'

/** The host's own engine: its package manager moves the package that brought it. */
export const packageUpgrader: HostUpgrader = {
  async upgrade(host) {
    const { ctx, shell } = host
    const found = await findEnginePackage(shell, { refresh: true, signal: ctx.signal })
    const result = resultOf(host, found)
    if (!result.changed) return result
    await move(host, found, result)
    return result
  },
  async plan(host) {
    const found = await findEnginePackage(host.shell, { refresh: false, signal: host.ctx.signal })
    const result = resultOf(host, found)
    return { ...result, plan: result.changed ? planText(moveTo(host, found)) : '' } satisfies UpgradePlan
  },
}

function resultOf({ open }: HostUpgrade, { installed, candidate }: EnginePackage): UpgradeResult {
  const cut = open.ledger.upgrade
  return {
    machine: open.name,
    source: 'host',
    from: cut?.from ?? installed,
    to: candidate,
    changed: cut !== undefined || installed !== candidate,
  }
}

function moveTo(host: HostUpgrade, { manager, name, candidate }: EnginePackage): Plan {
  return planOf(
    host,
    host.facts,
    packageManager(manager).upgrade(name, candidate),
    `install ${name} ${candidate}`,
  )
}

function planOf({ open, choice }: HostUpgrade, facts: Facts, argv: readonly string[], why: string): Plan {
  const port = open.driver.endpoint(open.machine).enginePort
  return packagePlan(facts, { argv, why, port, force: choice.force })
}

async function move(host: HostUpgrade, found: EnginePackage, result: UpgradeResult): Promise<void> {
  const { ctx, open } = host
  say(ctx, open, 'Upgrading docker...')
  await announceUpgrade(ctx, open, { source: 'host', from: result.from, to: result.to })
  try {
    await applyPlan(host, moveTo(host, found), host.facts)
    await configure(host)
  } catch (error) {
    ctx.signal.throwIfAborted()
    throw await goBack(host, result, error)
  }
  await settleUpgrade(ctx, open)
}

async function applyPlan({ ctx, open, shell }: HostUpgrade, plan: Plan, facts: Facts): Promise<void> {
  await apply(shell, plan, {
    facts,
    report: (event) => ctx.report({ ...event, machine: open.name }),
    signal: ctx.signal,
  })
}

/** The new package may have changed the unit that our settings follow. */
async function configure(host: HostUpgrade): Promise<void> {
  const { ctx, open, shell, choice } = host
  await install(ctx, open, shell, { choice: { force: choice.force }, signal: ctx.signal })
  await proveEngine(host)
}

/** @returns the error to end with */
async function goBack(host: HostUpgrade, { from, to }: UpgradeResult, error: unknown): Promise<MachineError> {
  const { ctx, open, choice } = host
  ctx.report({ type: 'warn', machine: open.name, text: `${to} does not run: going back to ${from}` })
  try {
    return await onHost(ctx, open, choice, async (now) => {
      const { manager, name, installed } = await findEnginePackage(now.shell, {
        refresh: false,
        signal: ctx.signal,
      })
      if (installed !== from) await downgrade(now, manager, name, from)
      await configure(now)
      await settleUpgrade(ctx, open)
      return takenBack(open, from, to, error)
    })
  } catch (second) {
    ctx.signal.throwIfAborted()
    return stuck(open, from, to, error, second)
  }
}

async function downgrade(host: HostUpgrade, manager: string, name: string, version: string): Promise<void> {
  const argv = packageManager(manager).downgrade?.(name, version)
  if (!argv) throw new MachineError('provision', `${manager} keeps no older version of ${name}`)
  const facts = await collectFacts(host.shell, host.ctx.signal)
  await applyPlan(host, planOf(host, facts, argv, `go back to ${name} ${version}`), facts)
}
