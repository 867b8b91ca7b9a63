import type { Clock } from '../contracts/clock.js'
import type { Report, ReportEvent, StageTime } from '../contracts/events.js'

/** Something that began, and has perhaps ended. */
interface Stretch {
  readonly stage: string
  readonly part?: string
  readonly startMs: number
  endMs?: number
  failed?: true
}

type TimedEvent = Extract<ReportEvent, { type: 'stage' | 'part' }>

/** The time before a machine's first stage: the program itself, flags, drivers, the certificate authority. */
const BEFORE = 'start'

/** When the stages of each machine began and ended, as they are told. The clock counts from the program's start. */
export class Timeline {
  readonly #machines = new Map<string, Stretch[]>()

  constructor(private readonly clock: Clock) {}

  /** Listens to a story that is passed on. */
  listen(report: Report): Report {
    return (event) => {
      if (event.type === 'stage' || event.type === 'part') this.#take(event)
      report(event)
    }
  }

  get machines(): readonly string[] {
    return [...this.#machines.keys()]
  }

  /** In the order of beginning, each stage with its parts behind it; a stage that still runs ends now. */
  of(machine: string): readonly StageTime[] {
    const all = this.#machines.get(machine) ?? []
    const parts = all.filter(({ part, endMs }) => part !== undefined && endMs !== undefined)
    const stages = all.filter(({ part }) => part === undefined)
    return stages
      .flatMap((one) => [one, ...parts.filter(({ stage }) => stage === one.stage)])
      .map((one) => timeOf(one, this.clock.monotonicMs()))
  }

  #take(event: TimedEvent): void {
    const now = this.clock.monotonicMs()
    const all = this.#machines.get(event.machine) ?? [{ stage: BEFORE, startMs: 0, endMs: now }]
    this.#machines.set(event.machine, all)
    const what = event.type === 'stage' ? { stage: event.stage } : partOf(all, event)
    if (event.state === 'start') return void all.push({ ...what, startMs: now })
    const open = all.findLast((one) => isSame(one, event) && one.endMs === undefined)
    if (!open) return
    open.endMs = now
    if (event.state === 'failed') open.failed = true
  }
}

function timeOf({ endMs, failed, ...stretch }: Stretch, now: number): StageTime {
  const startMs = Math.round(stretch.startMs)
  const open = endMs === undefined
  const ms = Math.round(endMs ?? now) - startMs
  return { ...stretch, startMs, ms, ...(failed || open ? { failed: true } : {}) }
}

function partOf(
  all: readonly Stretch[],
  { text: part, stage }: Extract<TimedEvent, { type: 'part' }>,
): Pick<Stretch, 'stage' | 'part'> {
  const running = all.findLast((one) => one.part === undefined && one.endMs === undefined)
  return { stage: stage ?? running?.stage ?? BEFORE, part }
}

function isSame(one: Stretch, event: TimedEvent): boolean {
  return event.type === 'stage'
    ? one.stage === event.stage && one.part === undefined
    : one.part === event.text
}
