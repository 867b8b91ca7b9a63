import { messageOf } from '../contracts/errors.js'
import { driverNames } from '../drivers/registry.js'
import { checkCertificates, checkLocks, checkRecords, checkStore, checkTombstones } from './doctor-store.js'
import type { MachineContext } from './context.js'

/** One finding. `bad` stops machines from working; `note` is worth knowing. */
export interface Finding {
  readonly check: string
  readonly level: 'good' | 'note' | 'bad'
  readonly text: string
  readonly hint?: string
}

/** Looks at what lies outside the machine layer; given by the composition root. */
export type OutsideCheck = (signal: AbortSignal) => Promise<readonly Finding[]>

export interface ExamineOptions {
  /** Try again what failed before (accelerators). */
  readonly probe: boolean
}

/** Looks at this computer and at the store. Changes nothing; a check that itself fails is a finding. */
export async function examine(
  ctx: MachineContext,
  outside: readonly OutsideCheck[],
  options: ExamineOptions,
): Promise<readonly Finding[]> {
  const checks: readonly (() => Promise<readonly Finding[]>)[] = [
    ...outside.map((check) => () => check(ctx.signal)),
    ...driverNames().map((name) => () => checkDriver(ctx, name, options)),
    () => checkStore(ctx),
    () => checkRecords(ctx),
    () => checkLocks(ctx),
    () => checkTombstones(ctx),
    () => checkCertificates(ctx),
  ]
  const findings: Finding[] = []
  for (const check of checks) findings.push(...(await settled(ctx, check)))
  return findings
}

async function settled(
  ctx: MachineContext,
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await check()
  } catch (error) {
    ctx.signal.throwIfAborted()
    return [{ check: 'doctor', level: 'bad', text: `a check failed: ${messageOf(error)}` }]
  }
}

async function checkDriver(
  ctx: MachineContext,
  name: string,
  { probe }: ExamineOptions,
): Promise<readonly Finding[]> {
  const factory = await ctx.drivers.load(name)
  const diagnoses = (await factory.diagnose?.(ctx.driverDeps, { probe, signal: ctx.signal })) ?? []
  return diagnoses.map(({ check, ok, text, hint }) => ({
    check: check.startsWith(name) ? check : `${name} ${check}`,
    level: ok ? 'good' : 'note',
    text,
    ...(hint === undefined ? {} : { hint }),
  }))
}
