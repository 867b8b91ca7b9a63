import type { Facts } from '../contracts/provision.js'
import type { RemoteShell } from '../contracts/ssh.js'
import { openShell } from './connect.js'
import type { MachineContext } from './context.js'
import { rootedFacts } from './host-facts.js'
import type { OpenMachine } from './open.js'
import {
  recordEngineVersion,
  type UpgradeChoice,
  type UpgradePlan,
  type UpgradeResult,
} from './upgrade-steps.js'
import { explained } from './engine-trouble.js'
import { waitForEngine } from './verify.js'

const CONNECT_MS = 60_000
const ENGINE_MS = 60_000

/** What the parts of an upgrade on a host hand to each other. */
export interface HostUpgrade {
  readonly ctx: MachineContext
  readonly open: OpenMachine
  readonly shell: RemoteShell
  readonly facts: Facts
  readonly choice: UpgradeChoice
}

export async function onHost<T>(
  ctx: MachineContext,
  open: OpenMachine,
  choice: UpgradeChoice,
  work: (host: HostUpgrade) => Promise<T>,
): Promise<T> {
  const patience = open.driver.patience?.(open.machine) ?? 1
  const shell = await openShell(ctx, open, { deadlineMs: CONNECT_MS * patience })
  try {
    const rooted = await rootedFacts(ctx, open, shell, ctx.signal)
    return await work({ ctx, open, choice, ...rooted })
  } finally {
    shell.close()
  }
}

/** One way to move an engine that a host has. */
export interface HostUpgrader {
  upgrade(host: HostUpgrade): Promise<UpgradeResult>
  plan(host: HostUpgrade): Promise<UpgradePlan>
}

/** It answers over TLS, from here. */
export async function proveEngine({ ctx, open }: HostUpgrade): Promise<void> {
  const patience = open.driver.patience?.(open.machine) ?? 1
  await explained(ctx, open, () => waitForEngine(ctx, open, ENGINE_MS * patience, ctx.signal))
  await recordEngineVersion(ctx, open.name)
}
