import type { Driver, DriverMachine } from '../contracts/driver.js'

const KEPT_LINES = 25
const MOVEMENT_MS = 30_000

/** An engine that keeps ending: how often, and the last exit status. */
export interface EngineEnds {
  readonly times: number
  readonly exit: string
}

/** Follows a guest's serial console in the background: evidence for errors, and a reason to wait longer while it moves. */
export class ConsoleWatch {
  readonly #lines: string[] = []
  readonly #stop = new AbortController()
  #movedAt = performance.now()
  #panic: string | undefined
  #rebooting = false
  #ram: string | undefined
  #engineEnds: EngineEnds = { times: 0, exit: '' }

  constructor(
    private readonly driver: Driver,
    private readonly machine: DriverMachine,
    private readonly heard: (line: string) => void = () => undefined,
  ) {
    if (driver.console)
      void this.#follow(
        driver.console(machine, { follow: true, lines: KEPT_LINES, signal: this.#stop.signal }),
      )
  }

  async #follow(lines: AsyncIterable<string>): Promise<void> {
    try {
      for await (const line of lines) this.#add(line)
    } catch {
      // The console is only evidence: losing it must not fail what it would have explained.
    }
  }

  #add(line: string): void {
    this.#movedAt = performance.now()
    this.#heedPanic(line)
    this.#ram ??= /tsmachine-init: (data in RAM.*)/.exec(line)?.[1]
    const end = /tsmachine-init: engine ended \(exit (\d+)\)/.exec(line)?.[1]
    if (end !== undefined) this.#engineEnds = { times: this.#engineEnds.times + 1, exit: end }
    this.#lines.push(line)
    this.heard(line)
    if (this.#lines.length > KEPT_LINES) this.#lines.shift()
  }

  /** A kernel may start its guest again after a while: what follows then is of another boot. */
  #heedPanic(line: string): void {
    if (this.#rebooting && line.trim() !== '') {
      this.#panic = undefined
      this.#rebooting = false
    }
    this.#panic ??= /Kernel panic - not syncing.*/.exec(line)?.[0]
    if (this.#panic !== undefined && /Rebooting in \d+ seconds/.test(line)) this.#rebooting = true
  }

  /** The guest kernel's last words, if it said them and has not begun again since. */
  get panic(): string | undefined {
    return this.#panic
  }

  /** What our image says when it found no disk for its data. */
  get dataInRam(): string | undefined {
    return this.#ram
  }

  /** How often our image has said that its engine ended by itself. */
  get engineEnds(): EngineEnds {
    return this.#engineEnds
  }

  /** The last lines seen, or undefined when the console never spoke. */
  tail(): string | undefined {
    return this.#lines.length > 0 ? this.#lines.join('\n') : undefined
  }

  /** The last lines as they stand now: of a guest that has ended, following it may not have come that far. */
  async lastWords(): Promise<string | undefined> {
    return (await consoleEnd(this.driver, this.machine, this.#stop.signal)) ?? this.tail()
  }

  /** More time for a wait while the console still moves. */
  extendMs(): number {
    return performance.now() - this.#movedAt < MOVEMENT_MS ? MOVEMENT_MS : 0
  }

  close(): void {
    this.#stop.abort()
  }
}

/** The last lines that a guest has written to its console; undefined where there is none, or it cannot be read. */
export async function consoleEnd(
  driver: Driver,
  machine: DriverMachine,
  signal: AbortSignal,
): Promise<string | undefined> {
  const lines: string[] = []
  try {
    for await (const line of driver.console?.(machine, { lines: KEPT_LINES, signal }) ?? []) lines.push(line)
  } catch {
    // It is only evidence: what was read before it broke is better than none.
  }
  return lines.length > 0 ? lines.join('\n') : undefined
}
