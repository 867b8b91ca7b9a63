import { access, constants, lstat, readdir } from 'node:fs/promises'
import path from 'node:path'
import { BuildCommandError, run } from './exec.js'
import { isExecutable, neededLibraries } from './libraries.js'
import type { PackageLine } from './lists.js'
import { throughLoader } from './tools.js'

/** Programs answer `try` lines with these too: a usage text or a missing device is proof of life; a loader's 127 is not. */
const LOADER_FAILED = 127
const LOADER_MESSAGE = /error while loading shared libraries|version `[^']+' not found|symbol lookup error/

/** Programs that only come into the tree with a `try` line, as names in usr/bin. */
async function realPrograms(root: string): Promise<string[]> {
  const dir = path.join(root, 'usr/bin')
  const programs: string[] = []
  for (const name of (await readdir(dir)).sort()) {
    const file = path.join(dir, name)
    if (!(await lstat(file)).isFile()) continue
    if (await neededLibraries(file)) programs.push(name)
  }
  return programs
}

/**
 * Runs every program of the tree once, with the tree's own loader and libraries.
 * Throws naming a program that is missing, cannot start, or has no `try` line.
 */
export async function tryPrograms(root: string, lines: readonly PackageLine[]): Promise<void> {
  const tries = lines.filter((line) => line.verb === 'try')
  const untried = (await realPrograms(root)).filter((name) => !tries.some((line) => line.program === name))
  if (untried.length > 0) throw new Error(`no "try" line for ${untried.join(', ')}`)
  for (const line of tries) await tryProgram(root, line.program, line.args)
}

async function tryProgram(root: string, program: string, args: readonly string[]): Promise<void> {
  const argv = [...(await startOf(root, program)), ...args]
  try {
    await run(argv, { env: { PATH: path.join(root, 'usr/bin'), LD_LIBRARY_PATH: undefined } })
  } catch (cause) {
    if (!(cause instanceof BuildCommandError) || !hasStarted(cause)) {
      throw new Error(`${program} does not run in the image`, { cause })
    }
  }
}

function hasStarted(error: BuildCommandError): boolean {
  const { status, stderr } = error
  return status !== undefined && status !== LOADER_FAILED && !LOADER_MESSAGE.test(stderr)
}

async function startOf(root: string, program: string): Promise<string[]> {
  const file = [`usr/bin/${program}`, `usr/lib/openssh/${program}`].map((name) => path.join(root, name))
  for (const found of file) {
    if (!(await exists(found))) continue
    const needed = await neededLibraries(found)
    if (!(await isExecutable(found)) || needed === undefined) break
    return needed.length === 0 ? [found] : throughLoader(root, found)
  }
  throw new Error(`program ${program} is missing in the image`)
}

async function exists(file: string): Promise<boolean> {
  return access(file, constants.F_OK).then(
    () => true,
    () => false,
  )
}

/** Throws naming the tools of `need` lines (our scripts call them) that the image does not have. */
export async function checkNeeds(root: string, lines: readonly PackageLine[]): Promise<void> {
  const have = new Set(await readdir(path.join(root, 'usr/bin')))
  const lost = lines.flatMap((line) =>
    line.verb === 'need' ? line.names.filter((name) => !have.has(name)) : [],
  )
  if (lost.length > 0) throw new Error(`scripts of the image call ${lost.join(', ')}, which it does not have`)
}
