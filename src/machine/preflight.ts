import { MachineError } from '../contracts/errors.js'
import type { PreflightFault } from '../contracts/driver.js'
import type { CreateState } from './create-state.js'
import { machineSpec } from './make.js'
import { runStage } from './stages.js'

const PREFLIGHT_MS = 60_000

/** Stage `preflight`: what would fail later, before anything is made or stored. @throws MachineError `preflight` (exit 3) */
export async function preflight(state: CreateState): Promise<void> {
  await runStage(
    {
      stage: 'preflight',
      text: 'Running pre-create checks',
      deadlineMs: PREFLIGHT_MS,
      run: check,
      hints: () => ['tsmachine doctor'],
    },
    state,
  )
}

async function check(state: CreateState, signal: AbortSignal): Promise<void> {
  const faults = await state.open.driver.preflight(await machineSpec(state), signal)
  if (faults.length === 0) return
  throw new MachineError('preflight', `Error with pre-create check: ${faults.map(faultText).join('; ')}`, {
    hints: faults.flatMap((fault) => (fault.hint === undefined ? [] : [fault.hint])),
  })
}

function faultText(fault: PreflightFault): string {
  return JSON.stringify(fault.message)
}
