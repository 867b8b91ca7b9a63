import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const COUNTED = ['readFileSync', 'lstatSync', 'readdirSync', 'openSync', 'statSync', 'existsSync'] as const
type Counted = (typeof COUNTED)[number]
type Functions = Record<Counted, (...words: unknown[]) => unknown>

/** How often `work` calls each function that looks at files. */
export function countedReads(work: () => void): Partial<Record<Counted, number>> {
  const functions = fs as unknown as Functions
  const [real, counts]: [Functions, Partial<Record<Counted, number>>] = [{ ...functions }, {}]
  for (const name of COUNTED)
    functions[name] = (...words) => {
      counts[name] = (counts[name] ?? 0) + 1
      return real[name](...words)
    }
  syncBuiltinESMExports()
  try {
    work()
    return counts
  } finally {
    for (const name of COUNTED) functions[name] = real[name]
    syncBuiltinESMExports()
  }
}
