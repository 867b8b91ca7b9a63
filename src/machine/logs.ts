import { MachineError } from '../contracts/errors.js'
import { requireRunning } from './address.js'
import { openShell } from './connect.js'
import type { MachineContext } from './context.js'
import { openMachine, type OpenMachine, requireVerb } from './open.js'

/** Which log: the serial console with kernel and init, or the engine's own. */
export type LogKind = 'boot' | 'engine'

export interface LogOptions {
  readonly kind: LogKind
  readonly follow: boolean
  /** Lines from the end; all when absent. */
  readonly lines?: number
}

/** Lines of a machine's log as they come. @throws MachineError where this driver has no such log */
export async function machineLogs(
  ctx: MachineContext,
  name: string,
  options: LogOptions,
  print: (line: string) => void,
): Promise<void> {
  const open = await openMachine(ctx, name)
  await LOGS[options.kind](ctx, open, options, print)
}

type LogSource = (
  ctx: MachineContext,
  open: OpenMachine,
  options: LogOptions,
  print: (line: string) => void,
) => Promise<void>

const LOGS: Readonly<Record<LogKind, LogSource>> = { boot: bootLog, engine: engineLog }

const bootOptions = (ctx: MachineContext, options: LogOptions) => ({
  follow: options.follow,
  signal: ctx.signal,
  ...(options.lines === undefined ? {} : { lines: options.lines }),
})

/** The console is kept on this computer: it is there for a machine that is down, too. */
async function bootLog(
  ctx: MachineContext,
  open: OpenMachine,
  options: LogOptions,
  print: (line: string) => void,
): Promise<void> {
  const console = requireVerb(open, 'console')
  for await (const line of console(open.machine, bootOptions(ctx, options))) print(line)
  // Drivers end quietly when they are told to; Ctrl-C must look the same for both logs.
  ctx.signal.throwIfAborted()
}

const FOLLOW_MS = 24 * 3_600_000
const READ_MS = 60_000

async function engineLog(
  ctx: MachineContext,
  open: OpenMachine,
  options: LogOptions,
  print: (line: string) => void,
): Promise<void> {
  requireRunning(open)
  const shell = await openShell(ctx, open)
  try {
    const result = await shell.exec(engineLogCommand(options), {
      signal: ctx.signal,
      deadlineMs: options.follow ? FOLLOW_MS : READ_MS,
      onStdoutLine: print,
    })
    if (result.code !== 0) throw unreadable(open, result.stderr)
  } finally {
    shell.close()
  }
}

/** Our image has one program for its services; elsewhere the engine logs to the journal or to a file. */
export function engineLogCommand(options: Pick<LogOptions, 'follow' | 'lines'>): string {
  const lines = options.lines === undefined ? undefined : Math.max(0, Math.trunc(options.lines))
  const follow = options.follow ? ' -f' : ''
  const image = `sudo -n tsmachine-service engine log${follow} -n ${lines ?? 100000}`
  const journal = `sudo -n journalctl --no-pager -o short-iso -u docker${follow} -n ${lines ?? 'all'}`
  const file = `sudo -n tail${follow} -n ${lines ?? '+1'} /var/log/docker.log`
  return (
    `if [ -x /usr/sbin/tsmachine-service ]; then exec ${image}; ` +
    `elif command -v journalctl >/dev/null 2>&1; then exec ${journal}; else exec ${file}; fi`
  )
}

function unreadable(open: OpenMachine, stderr: string): MachineError {
  return new MachineError('engine', `Could not read the engine's log of "${open.name}"`, {
    machine: open.name,
    ...(stderr.trim() === '' ? {} : { evidence: stderr.trim() }),
  })
}
