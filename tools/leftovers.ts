/** Processes that tests left behind: those that name a temporary folder of their run (test/helpers/run-dir.ts). */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

export interface Running {
  readonly pid: number
  readonly command: string
}

/** How long what is on its way out may take. */
const GRACE_MS = 2_000

/** Ends what still runs in folders of this run, and returns what it was. */
export async function endLeftovers(runId: string, graceMs = GRACE_MS): Promise<readonly Running[]> {
  const folder = new RegExp(`/tsm-[a-z]+-${runId}-`)
  const find = (): readonly Running[] => processes().filter(({ command }) => folder.test(command))
  if (find().length > 0) await pause(graceMs)
  const left = find()
  for (const { pid } of left) end(pid)
  return left
}

/** Every process but ours. */
export function processes(): readonly Running[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .map((name) => ({ pid: Number(name), command: commandLine(name) }))
}

/** Empty for a process that has just ended. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return ''
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
