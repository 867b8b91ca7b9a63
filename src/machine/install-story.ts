import type { ReportEvent } from '../contracts/events.js'
import type { Facts, Plan } from '../contracts/provision.js'

type StepEvent = Extract<ReportEvent, { type: 'step' }>

/** Names that docker-machine gives to families of systems; any other system is called by its ID. */
const PROVISIONERS: Readonly<Record<string, string>> = { ubuntu: 'ubuntu(systemd)' }

/** What is about to be done to a host, in the order in which docker-machine tells it. */
export function installStory(machine: string, facts: Facts, plan: Plan): readonly StepEvent[] {
  const id = facts.osRelease['ID'] ?? 'linux'
  const installs = plan.again === true || plan.steps.some((step) => step.kind === 'bundle')
  const steps: readonly (readonly [StepEvent['step'], string])[] = [
    ['provisioner', `Provisioning with ${PROVISIONERS[id] ?? id}`],
    ...(installs ? [['install', 'Installing Docker'] as const] : []),
    ['local-certificates', 'Copying certs to the local machine directory'],
    ['remote-certificates', 'Copying certs to the remote machine'],
    ['configure', 'Setting Docker configuration on the remote daemon'],
  ]
  // An install script only brings the engine: the rest is told when it is configured.
  const now = plan.again ? steps.slice(0, 2) : steps
  return now.map(([step, text]) => ({ type: 'step', machine, step, text }))
}
