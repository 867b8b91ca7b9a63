import { Checks } from './checks.js'
import { RULES } from './rules.js'
import type { DriverSubject } from './trial.js'

/** A test of node:test or tap: whatever has tests within tests. */
export interface Runner {
  test(name: string, body: (t: Runner) => Promise<void>): unknown
}

/** Takes what has to be undone when the last rule has been proved; the last comes first. */
export interface Cleaner {
  teardown(work: () => unknown): void
}

/** The rules of the driver contract, each a test, proved on one driver. */
export function driverContract(
  runner: Runner,
  name: string,
  makeSubject: (cleaner: Cleaner) => Promise<DriverSubject>,
): void {
  runner.test(`driver contract: ${name}`, async (t) => {
    const undone: (() => unknown)[] = []
    try {
      await proveAll(t, await makeSubject({ teardown: (work) => void undone.unshift(work) }))
    } finally {
      for (const work of undone) await work()
    }
  })
}

async function proveAll(t: Runner, subject: DriverSubject): Promise<void> {
  const checks = new Checks()
  for (const [title, rule] of Object.entries(RULES))
    await t.test(title, async () => {
      await rule(checks, subject)
      checks.strictSame(await subject.leftovers(), [], 'nothing is left at the provider')
    })
}
