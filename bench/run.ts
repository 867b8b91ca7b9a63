import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../src/contracts/errors.js'
import { writeFileAtomic } from '../src/util/atomic-file.js'
import { load } from './machine.js'
import { isKept } from './numbers.js'
import { plot } from './plot.js'
import { printComparison, printHead } from './print.js'
import type { Comparison, Head } from './record.js'
import type { Bench, BenchOptions } from './result.js'

export interface Run {
  /** In the order of running. */
  readonly benches: readonly { readonly name: string; readonly bench: Bench; readonly runs: number }[]
  readonly dockerMachine?: string
  readonly head: Head
  /** Where results.json and results.svg are written. */
  readonly dir: string
  readonly print: (text: string) => void
}

/**
 * Runs the comparisons one after another; both files have what is done so far, and nothing of an earlier run.
 * Returns whether all came to their end within their budgets.
 */
export async function runAll({ benches, dockerMachine, head, dir, print }: Run): Promise<boolean> {
  const [json, svg] = [join(dir, 'results.json'), join(dir, 'results.svg')]
  for (const old of [json, svg]) rmSync(old, { force: true })
  print(printHead(head))
  const comparisons: Comparison[] = []
  for (const { name, bench, runs } of benches) {
    const comparison = await compare(name, bench, { runs, ...(dockerMachine ? { dockerMachine } : {}) })
    print(printComparison(comparison))
    comparisons.push(comparison)
    await writeFileAtomic(json, `${JSON.stringify({ ...head, comparisons }, undefined, 2)}\n`)
    const drawn = plot(head.date, comparisons)
    if (drawn !== undefined) await writeFileAtomic(svg, drawn)
  }
  return comparisons.every(isGood)
}

/** One that fails does not stop those after it. */
async function compare(name: string, bench: Bench, options: BenchOptions): Promise<Comparison> {
  const date = new Date().toISOString()
  const [before, began] = [load(), performance.now()]
  const outcome = await bench(options).then(
    (result) => ({ result }),
    (error: unknown) => ({ error: messageOf(error) }),
  )
  const ms = Math.round(performance.now() - began)
  return { name, date, runs: options.runs, ms, load: [before, load()], ...outcome }
}

function isGood({ result }: Comparison): boolean {
  return result !== undefined && result.ratios.every(isKept)
}
