import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { systemClock } from '../src/util/clock.js'

const EVERY_MS = 10

/**
 * The most memory (resident and its own, in MB of 2^20 bytes) that a program and the processes that it started had
 * together, as far as looks every 10 ms see it. Linux only.
 * @throws Error when the program fails
 */
export async function treeMemoryMb(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const child = spawn(command, args, { env, stdio: 'ignore' })
  let code: number | null | undefined
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => {
      code = status
      resolve()
    })
  })
  let most = 0
  while (code === undefined) {
    most = Math.max(most, treeKilobytes(child.pid ?? 0))
    await Promise.race([ended, systemClock.sleep(EVERY_MS)])
  }
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
  return most / 1024
}

function treeKilobytes(root: number): number {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const processes = all.map((pid) => ({ pid: Number(pid), status: statusOf(pid) }))
  const wanted = new Set([root])
  // Children have higher numbers, mostly; who is missed is seen at the next look.
  for (const { pid, status } of processes) if (wanted.has(field(status, 'PPid'))) wanted.add(pid)
  return processes
    .filter(({ pid }) => wanted.has(pid))
    .reduce((sum, { status }) => sum + field(status, 'RssAnon'), 0)
}

/** Empty for a process that has gone meanwhile. */
function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return ''
  }
}

function field(status: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
}
