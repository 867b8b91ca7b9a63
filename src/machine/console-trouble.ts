import { isMachineError, MachineError } from '../contracts/errors.js'
import { withDeadline } from '../util/wait.js'
import { consoleEnd } from './console-watch.js'
import type { CreateState } from './create-state.js'

/** A provider may have to be asked for it. */
const READ_MS = 20_000

/** What a kernel says on the console before its machine goes silent. */
const LAST_WORDS: readonly { readonly seen: RegExp; readonly text: (words: string) => string }[] = [
  { seen: /Kernel panic - not syncing[^\r\n]*/g, text: (words) => `The guest's kernel stopped: ${words}` },
  {
    seen: /Out of memory: Killed process[^\r\n]*/g,
    text: (words) => `The guest has run out of memory: ${words}`,
  },
]

/** Adds to a failure to get in what the guest's console says of it. */
export async function explainByConsole(state: CreateState, error: unknown): Promise<unknown> {
  if (!isMachineError(error) || error.code === 'host-key') return error
  const end = await readEnd(state)
  if (end === undefined) return error
  const words = lastWords(end)
  if (words === undefined) return error.with({ evidence: end })
  const { code, exitCode, cause, stage, machine, hints } = error
  return new MachineError(code, `${error.message}. ${words}`, {
    evidence: error.evidence ?? end,
    exitCode,
    cause,
    ...(stage === undefined ? {} : { stage }),
    machine: machine ?? state.name,
    hints: [...anew(state), ...hints],
  })
}

/** A create that is not over goes on by itself. */
function anew({ name, open }: CreateState): readonly string[] {
  return open.ledger.phase === 'ready'
    ? [`Start it anew: tsmachine kill ${name}, then: tsmachine start ${name}`]
    : []
}

async function readEnd({ ctx, name, open }: CreateState): Promise<string | undefined> {
  const { clock, signal } = ctx
  const read = (limit: AbortSignal) => consoleEnd(open.driver, open.machine, limit)
  return await withDeadline(`the console of ${name}`, READ_MS, read, { clock, signal }).catch(() => undefined)
}

function lastWords(end: string): string | undefined {
  for (const { seen, text } of LAST_WORDS) {
    const words = end.match(seen)?.at(-1)
    if (words !== undefined) return text(words)
  }
  return undefined
}
