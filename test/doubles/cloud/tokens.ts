/** What a token may do. */
export interface TokenRights {
  /** Only reading. */
  readonly readOnly?: boolean
  /** Only operations whose scopes are all among these (`droplet:read`). */
  readonly scopes?: readonly string[]
}

export class Tokens {
  readonly #rights: ReadonlyMap<string, TokenRights>

  constructor(full: string, others: Readonly<Record<string, TokenRights>>) {
    this.#rights = new Map([[full, {}], ...Object.entries(others)])
  }

  find(authorization: string | undefined): TokenRights | undefined {
    return this.#rights.get(/^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? '')
  }

  static allow(rights: TokenRights, method: string, scopes: readonly string[]): boolean {
    if (rights.readOnly && method !== 'get') return false
    return scopes.every((scope) => rights.scopes?.includes(scope) ?? true)
  }
}
