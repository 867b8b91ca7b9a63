import { isMachineError } from '../contracts/errors.js'
import type { MachineContext } from '../machine/context.js'
import { LiveScreen } from '../ui/live-screen.js'
import { repeat } from '../util/wait.js'
import { ExitStatus } from './failure.js'
import { resultLine } from './json-document.js'

/** One look at all machines. */
export interface Look {
  readonly text: string
  readonly result: unknown
}

export interface WatchOptions {
  readonly ctx: MachineContext
  readonly json: boolean
  readonly intervalMs: number
  readonly stdout: NodeJS.WriteStream
  /** `show` is there for a terminal at first, for what is known while the answers are not all in. */
  readonly look: (show?: (text: () => string) => void) => Promise<Look>
}

/**
 * Looks again and again, until a signal comes or nobody reads any more. On a terminal the list is drawn in place;
 * elsewhere it is written again. @throws ExitStatus of the signal
 */
export async function watchList(options: WatchOptions): Promise<void> {
  const { signal } = options.ctx
  await (options.stdout.isTTY && !options.json ? onTerminal(options) : inLines(options))
  const reason: unknown = signal.reason
  if (signal.aborted) throw new ExitStatus(isMachineError(reason) ? reason.exitCode : 130)
}

async function onTerminal({ ctx, intervalMs, stdout, look }: WatchOptions): Promise<void> {
  const screen = new LiveScreen(stdout)
  let last: string | undefined
  await repeat(
    async () => {
      const { text } = await look(last === undefined ? (known) => screen.show(known) : undefined)
      last = text
      const head = `Every ${intervalMs / 1000} s, last at ${timeOf(ctx.clock.now())}; Ctrl-C ends.`
      screen.show(() => `${head}\n\n${text}`)
      return true
    },
    { intervalMs, signal: ctx.signal, clock: ctx.clock },
  ).finally(() => screen.end())
  stdout.write(last ?? '')
}

function timeOf(date: Date): string {
  return date.toTimeString().slice(0, 8)
}

/** Every look is written, so that a reader that has gone away is noticed. */
async function inLines({ ctx, json, intervalMs, stdout, look }: WatchOptions): Promise<void> {
  let gap = ''
  await repeat(
    async () => {
      const { text, result } = await look()
      stdout.write(json ? resultLine('ls', result) : gap + text)
      gap = '\n'
      return stdout.writable
    },
    { intervalMs, signal: ctx.signal, clock: ctx.clock },
  )
}
