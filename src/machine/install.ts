import { apply } from '../../provision/apply.js'
import { plan } from '../../provision/plan.js'
import type { Standby } from '../../provision/standby.js'
import type { Facts, Plan, Wanted } from '../contracts/provision.js'
import type { RemoteShell } from '../contracts/ssh.js'
import { ensureServerCertificate, type ServerCertificate } from './certificates.js'
import type { MachineContext } from './context.js'
import { hostName } from './machine-name.js'
import { updateLedger } from './driver-events.js'
import { rootedFacts } from './host-facts.js'
import { installedCertificate } from './due.js'
import { installStory } from './install-story.js'
import { type OpenMachine, recordedAs } from './open.js'

/** What to do to a host besides the machine's recorded wishes. */
export interface InstallChoice {
  readonly certificatesOnly?: boolean
  readonly force?: boolean
  /** The engine to have: one on this computer, or (no `dir`) one that the host still has. */
  readonly bundle?: { readonly version: string; readonly dir?: string }
}

/** A plan together with what carrying it out needs. */
export interface PreparedPlan {
  readonly facts: Facts
  readonly plan: Plan
  readonly bundleDir: string | undefined
  readonly certificate: ServerCertificate
}

/** Makes the plan for a host: its facts, our certificates and, when it has no engine, the bundle. */
export async function preparePlan(
  ctx: MachineContext,
  open: OpenMachine,
  facts: Facts,
  choice: InstallChoice = {},
  signal: AbortSignal = ctx.signal,
): Promise<PreparedPlan> {
  const certificate = await ensureServerCertificate(ctx, open)
  const { bundle: chosen, ...wishes } = choice
  const bundle =
    chosen ??
    (needsBundle(open, facts, choice) ? await ctx.artefacts.engineBundle('amd64', signal) : undefined)
  const wanted = wantedState(open, certificate, {
    ...wishes,
    ...(bundle && { bundleVersion: bundle.version }),
  })
  return { facts, plan: plan(facts, wanted), bundleDir: bundle?.dir, certificate }
}

/** A host of our image carries its engine; a stock host keeps the one that it has (`upgrade` alone moves ours). */
function needsBundle(open: OpenMachine, facts: Facts, choice: InstallChoice): boolean {
  if (choice.certificatesOnly) return false
  if (facts.init === 'tsmachine' || open.ledger.options.engine.installUrl !== undefined) return false
  const { engine, bundles, currentBundle } = facts
  const has = currentBundle !== undefined && bundles.includes(currentBundle)
  return engine === undefined || (engine.ours && !has)
}

/** What a machine's host should become, by its record. */
export function wantedState(
  open: OpenMachine,
  certificate: ServerCertificate,
  choice: Partial<Pick<Wanted, 'certificatesOnly' | 'force' | 'bundleVersion'>> = {},
): Wanted {
  return {
    name: open.name,
    hostName: hostName(open.name),
    driver: recordedAs(open.factory),
    enginePort: open.driver.endpoint(open.machine).enginePort,
    engine: open.ledger.options.engine,
    tls: { ca: certificate.ca, cert: certificate.cert, key: certificate.key },
    ...choice,
  }
}

/** Facts, plan and its execution on one connection. */
export async function install(
  ctx: MachineContext,
  open: OpenMachine,
  shell: RemoteShell,
  options: { facts?: Facts; standby?: Standby; choice?: InstallChoice; signal: AbortSignal },
): Promise<Plan> {
  const { signal, choice } = options
  const rooted = options.facts ? { shell, facts: options.facts } : await rootedFacts(ctx, open, shell, signal)
  const prepared = await preparePlan(ctx, open, rooted.facts, choice, signal)
  for (const step of installStory(open.name, rooted.facts, prepared.plan)) ctx.report(step)
  for (const text of prepared.plan.warnings) ctx.report({ type: 'warn', machine: open.name, text })
  await apply(rooted.shell, prepared.plan, {
    facts: rooted.facts,
    ...(options.standby ? { standby: options.standby } : {}),
    ...(prepared.bundleDir ? { bundleDir: prepared.bundleDir } : {}),
    report: (event) => ctx.report({ ...event, machine: open.name }),
    signal,
  })
  // An install script has brought an engine: what it is decides the rest.
  if (prepared.plan.again)
    return await install(ctx, open, rooted.shell, { ...(choice && { choice }), signal })
  const certificate = installedCertificate(prepared.certificate.cert)
  await updateLedger(ctx, open.name, open.factory, (ledger) => ({ ...ledger, certificate }))
  return prepared.plan
}
