import { MachineError } from '../contracts/errors.js'
import type { PreflightFault } from '../contracts/driver.js'
import type { CreateState } from './create-state.js'
import type { GivenFiles } from './given-files.js'
import { limitOf } from './limits.js'
import { userDataFault } from './machine-seed.js'
import { machineSpec } from './make.js'
import { runStage } from './stages.js'

const PREFLIGHT_MS = 60_000

/** Stage `preflight`: what would fail later, before anything is made or stored. @throws MachineError `preflight` (exit 3) */
export async function preflight(state: CreateState, given: GivenFiles): Promise<void> {
  await runStage(
    {
      stage: 'preflight',
      text: 'Running pre-create checks',
      deadlineMs: PREFLIGHT_MS,
      limitMs: ({ open }) => limitOf(open, 'preflight', PREFLIGHT_MS),
      run: (_state, signal) => check(state, given, signal),
      hints: () => ['tsmachine doctor'],
    },
    state,
  )
}

async function check(state: CreateState, given: GivenFiles, signal: AbortSignal): Promise<void> {
  const tooLarge = await userDataFault(state, given)
  const found = await state.open.driver.preflight(await machineSpec(state), signal)
  const faults = tooLarge ? [...found, tooLarge] : found
  if (faults.length === 0) return
  throw new MachineError('preflight', `Error with pre-create check: ${faults.map(faultText).join('; ')}`, {
    hints: faults.flatMap((fault) => (fault.hint === undefined ? [] : [fault.hint])),
  })
}

function faultText(fault: PreflightFault): string {
  return JSON.stringify(fault.message)
}
