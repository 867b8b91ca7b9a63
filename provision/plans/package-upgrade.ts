import { MachineError } from '../../src/contracts/errors.js'
import type { Facts, Plan } from '../../src/contracts/provision.js'
import { engineSteps, presentDaemon } from './restart.js'
import { SERVICES } from './services.js'
import { awaitPackageManager, run } from './steps.js'

const MINUTES_30 = 1800

/** Replaces the package of a host's own engine by a command of its package manager; containers live on. */
export function packagePlan(
  facts: Facts,
  move: {
    readonly argv: readonly string[]
    readonly why: string
    readonly port: number
    readonly force: boolean
  },
): Plan {
  const service = SERVICES[facts.init]
  if (!service) throw new MachineError('bug', `no service table for ${facts.init}`)
  const meanwhile = [run(move.argv, move.why, { timeoutS: MINUTES_30 })]
  const daemon = presentDaemon(facts)
  return {
    steps: [
      awaitPackageManager(),
      ...engineSteps({ facts, service, daemon, changed: true, force: move.force, meanwhile }),
    ],
    engine: { source: 'host', port: move.port },
    warnings: [],
  }
}
