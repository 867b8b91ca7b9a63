/**
 * A secret is kept as a reference; the value never enters a record, an argv, a log or an error.
 * `store:` names an entry of the store's own backend.
 */
export type SecretRef =
  `env:${string}` | `file:${string}` | `cmd:${string}` | `docker-credential:${string}` | `store:${string}`

/** A value that prints as `[secret]` wherever it is turned into text by accident. */
export class Secret {
  readonly #value: string
  constructor(value: string) {
    this.#value = value
  }
  /** The clear value: only for the call that sends it to its owner. */
  reveal(): string {
    return this.#value
  }
  toString(): string {
    return '[secret]'
  }
  toJSON(): string {
    return '[secret]'
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}
