import { MachineError } from '../src/contracts/errors.js'
import type { RemoteShell } from '../src/contracts/ssh.js'
import { runHostScript } from './host-script.js'

/** The package that a host's engine came in. */
export interface EnginePackage {
  readonly manager: string
  readonly name: string
  readonly installed: string
  /** The newest version that the host can get; the same as `installed` when nothing is newer. */
  readonly candidate: string
}

const DEADLINE_MS = 15 * 60_000

/**
 * Asks a host which package its engine is and what is newest, in one round trip.
 * @throws MachineError `provision` when no package manager that we know has installed the engine
 */
export async function findEnginePackage(
  shell: RemoteShell,
  options: { refresh: boolean; signal?: AbortSignal; root?: string },
): Promise<EnginePackage> {
  const { refresh, ...rest } = options
  const words = [refresh ? 'refresh' : 'as-it-is']
  const result = await runHostScript(shell, 'engine-package.sh', words, { ...rest, deadlineMs: DEADLINE_MS })
  if (result.code !== 0)
    throw new MachineError('provision', 'The host could not look for a newer engine', {
      evidence: `${result.stdout}\n${result.stderr}`.trim().slice(-4000),
      hints: ['See that its package manager works: tsmachine ssh NAME'],
    })
  return parseEnginePackage(result.stdout)
}

/** Reads engine-package.sh's lines. */
export function parseEnginePackage(text: string): EnginePackage {
  const found = new Map(
    text.split('\n').map((line) => [line.split('=', 1)[0] ?? '', line.replace(/^[^=]*=/, '')]),
  )
  const value = (key: string): string => found.get(key) ?? ''
  const name = value('package')
  if (name !== '')
    return { manager: value('manager'), name, installed: value('installed'), candidate: value('candidate') }
  throw new MachineError('provision', 'The engine of the host was not installed by its package manager', {
    hints: ['Upgrade it on the host in the way in which it was installed there.'],
  })
}
