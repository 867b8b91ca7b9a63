import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { PROGRAM, type TestUser } from '../test/helpers/cli.js'
import type { TimelinePart } from './result.js'

/** Runs `tsmachine create` and notes when each stage of its story begins. */
export async function createWithStages(
  user: TestUser,
  words: readonly string[],
  name: string,
): Promise<TimelinePart[]> {
  const child = spawn(process.execPath, [PROGRAM, 'create', ...words, name], { env: user.env })
  const lines: { text: string; at: number }[] = [{ text: 'program start', at: performance.now() }]
  const note = (text: string): void => void lines.push({ text, at: performance.now() })
  createInterface(child.stderr).on('line', note)
  child.stdout.resume()
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const end = performance.now()
  if (code !== 0) throw new Error(`create failed:\n${lines.map(({ text }) => text).join('\n')}`)
  const told = lines.filter(({ text }, index) => index === 0 || text.startsWith(`(${name}) `))
  return told.map(({ text, at }, index) => ({ text, ms: (told[index + 1]?.at ?? end) - at }))
}
