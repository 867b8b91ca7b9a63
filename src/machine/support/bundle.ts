/** What a bug report about a machine needs, as one text that holds no secret. */
import { toMachineError } from '../../contracts/errors.js'
import { homePath } from '../../util/paths.js'
import { redactByLooks, redactor } from '../../util/redact.js'
import { neutralise } from '../../util/text.js'
import { withDeadline } from '../../util/wait.js'
import type { MachineContext } from '../context.js'
import type { OutsideCheck } from '../doctor.js'
import { notFound } from '../names.js'
import { knownSecrets } from './known-secrets.js'
import { PARTS } from './parts.js'

/** One section of a bundle. */
export interface SupportPart {
  readonly title: string
  readonly text: string
}

export interface SupportRequest {
  readonly name: string
  /** What this program calls itself, and what of it is at work. */
  readonly about: Readonly<Record<string, string>>
  readonly outside: readonly OutsideCheck[]
}

/** Long enough for a host that is slow to answer; one that never does is itself a finding. */
const PART_MS = 45_000

/**
 * Collects everything side by side. A part that cannot be had says why, as that is what the report is about. Changes
 * nothing, neither here nor on the host.
 * @throws MachineError `not-found`
 */
export async function supportBundle(
  ctx: MachineContext,
  request: SupportRequest,
): Promise<readonly SupportPart[]> {
  if (!ctx.store.exists(request.name)) throw notFound(ctx, request.name)
  const [secrets, ...texts] = await Promise.all([
    knownSecrets(ctx, request.name),
    ...PARTS.map(
      async ({ title, read }) => await settled(ctx, title, (signal) => read(ctx, request, signal)),
    ),
  ])
  const known = redactor(secrets)
  const clean = (text: string): string => shortHome(ctx, neutralise(redactByLooks(known(text)))).trimEnd()
  return PARTS.map(({ title }, index) => ({ title, text: clean(texts[index] ?? '') || '(nothing)' }))
}

async function settled(
  ctx: MachineContext,
  title: string,
  read: (signal: AbortSignal) => Promise<string>,
): Promise<string> {
  try {
    return await withDeadline(title, PART_MS, read, { signal: ctx.signal, clock: ctx.clock })
  } catch (error) {
    ctx.signal.throwIfAborted()
    const { message, evidence, hints } = toMachineError(error)
    return [`could not be read: ${message}`, ...(evidence ? [evidence] : []), ...hints].join('\n')
  }
}

/** Users' names are nobody's business. */
function shortHome({ env }: MachineContext, text: string): string {
  const home = homePath(env)
  return home.length > 1 ? text.replaceAll(home, '~') : text
}

/** The bundle as the file that is sent. */
export function bundleText(parts: readonly SupportPart[]): string {
  return parts.map(({ title, text }) => `===== ${title} =====\n${text}\n`).join('\n')
}
