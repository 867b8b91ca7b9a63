import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { MachineError } from '../contracts/errors.js'
import type { JsonObject } from '../contracts/json.js'
import { helperCommand } from '../util/own-program.js'

type Environment = Readonly<Record<string, string | undefined>>

/** A helper outlives us for as long as its VM: it gets nothing of our environment that may hold a secret. */
const KEPT = [
  'PATH',
  'HOME',
  'LANG',
  'TMPDIR',
  'XDG_RUNTIME_DIR',
  'XDG_CACHE_HOME',
  'TEMP',
  'SystemRoot',
] as const

/**
 * Starts one of our helper programs (`helpers/NAME.ts`, built into one file) in a session of its own, detached from all three streams: a
 * caller that reads our output until it closes must not wait for it. Arguments are seen by `ps`: paths, no secrets.
 * @returns its pid
 */
export async function spawnHelper(name: string, args: JsonObject, env: Environment): Promise<number> {
  const { program, args: first } = helperCommand()
  const child = spawn(program, [...first, name, JSON.stringify(args)], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
    env: Object.fromEntries(KEPT.flatMap((key) => (env[key] === undefined ? [] : [[key, env[key]]]))),
  })
  await started(child, name)
  child.unref()
  return child.pid ?? 0
}

async function started(child: ReturnType<typeof spawn>, name: string): Promise<void> {
  try {
    await once(child, 'spawn')
  } catch (cause) {
    throw new MachineError('driver', `Could not start the helper program ${name}`, { cause })
  }
}
