/** What is measured in a turn of each; undefined where it is not there to be compared with. */
type Contestants = Readonly<Record<string, (() => Promise<unknown>) | undefined>>

/** What each gave in its turns. */
export type Turns<C extends Contestants> = {
  readonly [K in keyof C]: readonly Awaited<ReturnType<NonNullable<C[K]>>>[]
}

export interface InterleaveOptions {
  readonly runs: number
  /** Turns of each that do not count: caches of the computer are cold then. */
  readonly warmUp?: number
}

/**
 * Measures all in turn, A B C, C B A, A B C ...: what disturbs the computer disturbs all alike, and none is always the one
 * that finds its caches warmed by the same other.
 */
export async function interleave<C extends Contestants>(
  contestants: C,
  { runs, warmUp = 0 }: InterleaveOptions,
): Promise<Turns<C>> {
  const all = Object.entries(contestants).map(([name, measure]) => ({
    name,
    measure,
    values: [] as unknown[],
  }))
  for (let run = -warmUp; run < runs; run++)
    for (const { measure, values } of run % 2 === 0 ? all : all.toReversed()) {
      const value = await measure?.()
      if (measure && run >= 0) values.push(value)
    }
  return Object.fromEntries(all.map(({ name, values }) => [name, values])) as unknown as Turns<C>
}

/** Milliseconds that something takes. */
export async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}
