import assert from 'node:assert/strict'
import type { DriverSubject } from './trial.js'

/** One rule of the contract, proved on a driver. */
export type Rule = (t: Checks, subject: DriverSubject) => Promise<void>

/** A signal that is never aborted. */
export const NEVER: AbortSignal = new AbortController().signal

/** What rules assert with; a failure is an AssertionError, which any test runner understands. */
export class Checks {
  ok(value: unknown, message?: string): void {
    assert.ok(value, message)
  }

  equal(actual: unknown, expected: unknown, message?: string): void {
    assert.equal(actual, expected, message && `${message}: ${String(actual)} is not ${String(expected)}`)
  }

  not(actual: unknown, other: unknown, message?: string): void {
    assert.notEqual(actual, other, message)
  }

  strictSame(actual: unknown, expected: unknown, message?: string): void {
    try {
      assert.deepStrictEqual(actual, expected)
    } catch (error) {
      if (message === undefined || !(error instanceof Error)) throw error
      throw new assert.AssertionError({ message: `${message}\n${error.message}`, actual, expected })
    }
  }

  /** Of an object only what the pattern names; a text by a regular expression. */
  match(actual: unknown, pattern: unknown, message = 'it does not match'): void {
    if (matches(actual, pattern)) return
    throw new assert.AssertionError({ message, actual, expected: pattern, operator: 'match' })
  }

  async rejects(promise: Promise<unknown>, message: RegExp): Promise<void> {
    await assert.rejects(promise, { message })
  }
}

function matches(actual: unknown, pattern: unknown): boolean {
  if (pattern instanceof RegExp) return pattern.test(String(actual))
  if (typeof pattern !== 'object' || pattern === null) return actual === pattern
  if (typeof actual !== 'object' || actual === null) return false
  return Object.entries(pattern).every(([key, value]) => matches(Reflect.get(actual, key), value))
}
