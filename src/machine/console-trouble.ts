import { isMachineError, MachineError } from '../contracts/errors.js'
import { withDeadline } from '../util/wait.js'
import { consoleEnd } from './console-watch.js'
import type { MachineContext } from './context.js'
import type { OpenMachine } from './open.js'

/** A provider may have to be asked for it. */
const READ_MS = 20_000

/** What a kernel says on the console before its machine goes silent. */
const LAST_WORDS: readonly { readonly seen: RegExp; readonly text: (words: string) => string }[] = [
  { seen: /Kernel panic - not syncing.*/, text: (words) => `The guest's kernel stopped: ${words}` },
  {
    seen: /Out of memory: Killed process.*/,
    text: (words) => `The guest has run out of memory: ${words}`,
  },
]

/** Adds to a failure to get in what the guest's console says of it. */
export async function explainByConsole(
  ctx: MachineContext,
  open: OpenMachine,
  error: unknown,
): Promise<unknown> {
  if (!isMachineError(error) || error.code === 'host-key') return error
  const end = await readEnd(ctx, open)
  if (end === undefined) return error
  const words = lastWords(end)
  if (words === undefined) return error.with({ evidence: end })
  const { code, exitCode, cause, stage, machine, hints } = error
  return new MachineError(code, `${error.message}. ${words}`, {
    evidence: error.evidence ?? end,
    exitCode,
    cause,
    ...(stage === undefined ? {} : { stage }),
    machine: machine ?? open.name,
    hints: [...anew(open), ...hints],
  })
}

/** A create that is not over goes on by itself. */
function anew({ name, ledger }: OpenMachine): readonly string[] {
  return ledger.phase === 'ready'
    ? [`Start it anew: tsmachine kill ${name}, then: tsmachine start ${name}`]
    : []
}

async function readEnd({ clock, signal }: MachineContext, open: OpenMachine): Promise<string | undefined> {
  const read = (limit: AbortSignal) => consoleEnd(open.driver, open.machine, limit)
  return await withDeadline(`the console of ${open.name}`, READ_MS, read, { clock, signal }).catch(
    () => undefined,
  )
}

/** What was said last counts: a guest may have panicked and begun again before. */
function lastWords(end: string): string | undefined {
  for (const line of end.split(/[\r\n]+/).reverse())
    for (const { seen, text } of LAST_WORDS) {
      const [words] = seen.exec(line) ?? []
      if (words !== undefined) return text(words)
    }
  return undefined
}
