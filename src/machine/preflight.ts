import { MachineError } from '../contracts/errors.js'
import type { PreflightFault } from '../contracts/driver.js'
import type { CreateState } from './create-state.js'
import type { GivenFiles } from './given-files.js'
import { limitOf } from './limits.js'
import { userDataFault } from './machine-seed.js'
import { machineSpec } from './make.js'
import { runStage } from './stages.js'

const PREFLIGHT_MS = 60_000

/** How a check that found faults is told. */
interface Wording {
  readonly message: (faults: readonly PreflightFault[]) => string
  readonly hints: (state: CreateState) => readonly string[]
}

const OURS: Wording = {
  message: (faults) =>
    `Error with pre-create check: ${faults.map(({ message }) => JSON.stringify(message)).join('; ')}`,
  hints: ({ open: { factory } }) =>
    // A plugin's faults are about what it was given; we can look into nothing of it.
    [factory.capabilities.opaque ? `tsmachine create --driver ${factory.name} --help` : 'tsmachine doctor'],
}

/** A host puts its own words and quotes around, and its user may know nothing of us. */
const HOSTS: Wording = {
  message: (faults) => faults.map(({ message }) => message).join('; '),
  hints: () => [],
}

/** Stage `preflight`: what would fail later, before anything is made or stored. @throws MachineError `preflight` (exit 3) */
export async function preflight(state: CreateState, given: GivenFiles): Promise<void> {
  await runPreflight(state, given, OURS)
}

/** The same for a host that we serve a driver. */
export async function servedPreflight(state: CreateState, given: GivenFiles): Promise<void> {
  await runPreflight(state, given, HOSTS)
}

async function runPreflight(state: CreateState, given: GivenFiles, wording: Wording): Promise<void> {
  await runStage(
    {
      stage: 'preflight',
      text: 'Running pre-create checks',
      deadlineMs: PREFLIGHT_MS,
      limitMs: ({ open }) => limitOf(open, 'preflight', PREFLIGHT_MS),
      run: async (_state, signal) => refuse(await faultsOf(state, given, signal), wording),
      hints: wording.hints,
    },
    state,
  )
}

async function faultsOf(
  state: CreateState,
  given: GivenFiles,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  const tooLarge = await userDataFault(state, given)
  const found = await state.open.driver.preflight(await machineSpec(state), signal)
  return tooLarge ? [...found, tooLarge] : found
}

function refuse(faults: readonly PreflightFault[], { message }: Wording): void {
  if (faults.length === 0) return
  throw new MachineError('preflight', message(faults), {
    hints: faults.flatMap((fault) => (fault.hint === undefined ? [] : [fault.hint])),
  })
}
