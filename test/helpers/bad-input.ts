/** What users get wrong, as rows for a provider's double: the provider's words, what helps, and 3 where nothing was made. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { TestUser } from './cli.js'

/** What the doubles of all providers have. */
interface ProviderDouble {
  readonly faults: { clear(): void }
  readonly violations: readonly string[]
  inventory(): readonly string[]
}

export interface Row<D> {
  readonly what: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What the provider is like. */
  readonly given?: (double: D) => void
  readonly code: number
  readonly says: readonly RegExp[]
}

export interface Base<D> {
  readonly driver: string
  readonly env: Readonly<Record<string, string>>
  /** Undoes what rows have `given`. */
  readonly reset?: (double: D) => void
}

export async function checkBadInput<D extends ProviderDouble>(
  t: Test,
  double: D,
  base: Base<D>,
  rows: readonly Row<D>[],
): Promise<void> {
  const user = new TestUser()
  t.teardown(() => user.cleanUp())
  for (const [index, row] of rows.entries()) {
    row.given?.(double)
    const name = `m${index}`
    const outcome = await user.tsmachine(['create', '-d', base.driver, ...(row.args ?? []), name], {
      env: { ...base.env, ...row.env },
      limitMs: 60_000,
    })
    t.equal(outcome.code, row.code, `${row.what}: ${outcome.stderr}`)
    for (const pattern of row.says) t.match(outcome.stderr, pattern, row.what)
    t.notMatch(outcome.stderr, /This is a bug|at file:|undefined|NodeVersionSupportWarning/, row.what)
    base.reset?.(double)
    double.faults.clear()
    if (row.code !== 1) t.strictSame(double.inventory(), [], `${row.what}: nothing was made`)
    else await user.tsmachine(['rm', '-y', name], { env: base.env })
  }
  t.strictSame(double.inventory(), [], 'nothing is left')
  t.strictSame(double.violations, [])
}

/** User data that no compression makes small enough. */
export function largeFile(t: Test, bytes: number): string {
  const dir = t.testdir()
  mkdirSync(dir, { recursive: true })
  const path = join(dir, 'large')
  writeFileSync(path, `#!/bin/sh\n# ${randomBytes(bytes).toString('base64')}\n`)
  return path
}

export async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
