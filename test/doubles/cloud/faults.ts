/** What goes wrong with a request. Plain JSON: a double in a process of its own is told over HTTP. */
export type FaultKind =
  /** The provider says no, before acting or (`acted`) afterwards. */
  | {
      readonly kind: 'status'
      readonly status: number
      readonly code?: string
      readonly message?: string
      readonly retryAfterSeconds?: number
      readonly acted?: boolean
    }
  | { readonly kind: 'delay'; readonly ms: number }
  /** The connection breaks before anything is done. */
  | { readonly kind: 'drop-before' }
  /** It is done, and the connection breaks before the answer. */
  | { readonly kind: 'drop-after' }
  /** No answer, and the connection stays. */
  | { readonly kind: 'hang' }

export type Fault = FaultKind & {
  /** `operationId`; absent: any. */
  readonly operation?: string
  /** Requests to let pass first. */
  readonly after?: number
  /** Requests to hit; 1 when absent. */
  readonly times?: number
}

/** Faults still to come. */
export class Faults {
  #armed: { readonly fault: Fault; pass: number; left: number }[] = []

  add(fault: Fault): void {
    this.#armed.push({ fault, pass: fault.after ?? 0, left: fault.times ?? 1 })
  }

  clear(): void {
    this.#armed = []
  }

  /** The fault of this request, if it has one. */
  next(operation: string | undefined): Fault | undefined {
    const fitting = this.#armed.filter(
      ({ fault, left }) => left > 0 && (fault.operation === undefined || fault.operation === operation),
    )
    const hit = fitting.find(({ pass }) => pass === 0)
    for (const armed of fitting) if (armed.pass > 0) armed.pass -= 1
    if (!hit) return undefined
    hit.left -= 1
    return hit.fault
  }
}
