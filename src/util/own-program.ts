import { join } from 'node:path'
import { isSea } from 'node:sea'
import { packageRoot } from './paths.js'

/** First word of the executable's own children. No command can have this name. */
export const HELPER_WORD = '@helper'

/** What starts us by its path alone, and what a link to us leads to: the single executable, or the script. */
export function ownProgram(): string {
  return isSea() ? process.execPath : join(packageRoot(), 'bin', 'run.cjs')
}

/** Program and first arguments that start us on any system. */
export function ownCommand(): readonly string[] {
  return isSea() ? [process.execPath] : [process.execPath, ownProgram()]
}

/** Program and first arguments that start one of our helper programs. */
export function helperCommand(): { readonly program: string; readonly args: readonly string[] } {
  const args = isSea() ? [HELPER_WORD] : [join(packageRoot(), 'dist', 'helper.cjs')]
  return { program: process.execPath, args }
}
