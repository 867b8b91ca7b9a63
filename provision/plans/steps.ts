import { createHash } from 'node:crypto'
import { MachineError } from '../../src/contracts/errors.js'
import type { Facts, Step, StepConditions } from '../../src/contracts/provision.js'

/** Tags of changes (see `StepConditions`). */
export const TAG = {
  /** Needs a restart of the engine. */
  engine: 'engine',
  /** Needs a restart of the bundle's containerd. */
  containerd: 'containerd',
  /** systemd must read unit files again. */
  units: 'units',
} as const

export type FileStep = Extract<Step, { kind: 'file' }>
type RunStep = Extract<Step, { kind: 'run' }>

/** A file that should be there with this content. Readable by all unless `secret`. */
export function file(
  path: string,
  content: string,
  why: string,
  options: { mode?: string; secret?: boolean; tags?: readonly string[]; onChange?: string } = {},
): FileStep {
  return { kind: 'file', why, path, content, mode: options.secret ? '600' : '644', ...options }
}

/** A program to run on the host. */
export function run(
  argv: readonly string[],
  why: string,
  options: Omit<StepConditions, 'why'> &
    Partial<Pick<RunStep, 'timeoutS' | 'tolerate' | 'tells' | 'evidence'>> = {},
): RunStep {
  for (const word of argv)
    if (/[\n\0]/.test(word)) throw new MachineError('usage', `a value spans lines: ${JSON.stringify(word)}`)
  return { kind: 'run', why, argv, ...options }
}

const PACKAGE_LOCK_S = 600

/** Before a step that uses the host's package manager: another use of it, an upgrade at boot, ends first. */
export function awaitPackageManager(): RunStep {
  const seconds = String(PACKAGE_LOCK_S)
  return run(['sh', '@lib/package-lock.sh', seconds], 'have its package manager to itself', { tells: true })
}

/** Whether a file step still has something to do on this host. */
export function isOpen(facts: Facts, step: FileStep): boolean {
  return facts.files[step.path] !== createHash('sha256').update(step.content).digest('hex')
}

/** The file steps that still have something to do. */
export function openFiles(facts: Facts, steps: readonly FileStep[]): FileStep[] {
  return steps.filter((step) => isOpen(facts, step))
}
