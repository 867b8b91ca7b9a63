import { realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { MachineError } from '../../contracts/errors.js'
import { findProgram, missingProgram, run } from '../../util/exec.js'
import { readJsonFile, writeJsonFile } from './json-file.js'

/** A QEMU program and what it was built with. */
export interface QemuProgram {
  readonly path: string
  /** `7.2.22` */
  readonly version: string
  /** Backends of `-netdev`. */
  readonly netdevs: readonly string[]
  /** Whether it can lock itself in with seccomp. */
  readonly sandbox: boolean
}

/** First version with `server=on` in `-chardev` and the words that we use elsewhere. */
export const MIN_QEMU = '6.0'
/** First version with `-netdev stream`, which passt needs. */
export const MIN_QEMU_PASST = '7.2'

const ASK_MS = 20_000
const CACHE_FILE = 'qemu-programs.json'

/**
 * Finds the program and asks it what it can. Answers are kept by path, size and time of change: each question costs
 * a process.
 * @throws MachineError `preflight` when it is missing or is no QEMU
 */
export async function inspectQemu(name: string, cacheDir: string, signal: AbortSignal): Promise<QemuProgram> {
  const path = findProgram(name)
  if (path === undefined) throw missingProgram(name, 'qemu-system-x86')
  const { size, mtimeMs } = statSync(path)
  const key = `${realpathSync(path)} ${size} ${mtimeMs}`
  const cacheFile = join(cacheDir, CACHE_FILE)
  const known = (readJsonFile(cacheFile) as Record<string, QemuProgram> | undefined)?.[key]
  if (known) return { ...known, path }
  const { program, isWhole } = await ask(path, signal)
  if (isWhole) await writeJsonFile(cacheFile, { [key]: { ...program } })
  return program
}

interface Asked {
  readonly program: QemuProgram
  /** It was not killed at a question, for want of memory say: then it may be able to do more than it said. */
  readonly isWhole: boolean
}

async function ask(path: string, signal: AbortSignal): Promise<Asked> {
  const options = { signal, deadlineMs: ASK_MS }
  const version = await run(path, ['--version'], options)
  const number = /QEMU emulator version (\d+(?:\.\d+)+)/.exec(version.stdout)?.[1]
  if (number === undefined)
    throw new MachineError('preflight', `${path} is not QEMU: it answers --version with other words`, {
      hints: ['Give the path of qemu-system-x86_64 with --qemu-program.'],
      evidence: (version.stdout + version.stderr).slice(0, 500),
    })
  const netdevs = await run(path, ['-machine', 'none', '-netdev', 'help'], options)
  const sandbox = await run(path, ['-machine', 'none', '-sandbox', 'on', '-netdev', 'help'], options)
  const program = {
    path,
    version: number,
    netdevs: netdevs.stdout.split('\n').filter((line) => /^[\w-]+$/.test(line)),
    sandbox: sandbox.code === 0,
  }
  return { program, isWhole: [netdevs, sandbox].every(({ code }) => code <= SIGNALLED) }
}

/** Statuses above it tell of a signal. */
const SIGNALLED = 128

/** Whether a version is at least another: compared number by number. */
export function atLeast(version: string, wanted: string): boolean {
  const [have, need] = [version, wanted].map((text) => text.split('.').map(Number))
  for (const [index, number] of (need ?? []).entries()) {
    const own = have?.[index] ?? 0
    if (own !== number) return own > number
  }
  return true
}
