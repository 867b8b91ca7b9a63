import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const GNU_TIME = '/usr/bin/time'

/**
 * The highest memory (resident, in MB of 2^20 bytes) that a program had: its own, or that of the largest program that it
 * started and waited for. What it prints is thrown away, its complaints go into the error.
 * @throws Error when the program fails, or where GNU time is missing (tools/packages.tsv)
 */
export async function peakMemoryMb(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'tsm-peak-'))
  const file = join(dir, 'kilobytes')
  try {
    await run(GNU_TIME, ['-f', '%M', '-o', file, command, ...args], env)
    return Number(readFileSync(file, 'utf8')) / 1024
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${args.slice(4).join(' ')} ended with ${code}: ${complaints}`)
}
