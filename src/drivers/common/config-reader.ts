import type { JsonObject } from '../../contracts/driver.js'

/** Typed reads of a driver's config: an absent or wrongly typed value reads as absent, parsing has complained already. */
export class ConfigReader {
  readonly #values: JsonObject

  constructor(values: JsonObject) {
    this.#values = values
  }

  /** The text, empty when absent. */
  string(key: string): string {
    const value = this.#values[key]
    return typeof value === 'string' ? value : ''
  }

  integer(key: string): number | undefined {
    const value = this.#values[key]
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
  }

  /** False when absent. */
  boolean(key: string): boolean {
    return this.#values[key] === true
  }

  /** Empty when absent. */
  list(key: string): readonly string[] {
    const value = this.#values[key]
    return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
  }

  /** Everything that was read from, as plain JSON. */
  all(): JsonObject {
    return this.#values
  }
}
