/**
 * What use cases say while they work. Reporters in `src/ui` turn these into a live step list, plain lines or JSON;
 * nothing below `src/ui` prints.
 */

/** The stages of `create`, in order (other verbs use a part of them). Each has its own deadline and message. */
export const STAGES = [
  'preflight',
  'make',
  'boot',
  'ssh',
  'identity',
  'provision',
  'engine',
  'swarm',
  'tls',
] as const
export type Stage = (typeof STAGES)[number]

/** One line of the story that a verb tells. */
export type ReportEvent =
  | {
      readonly type: 'stage'
      readonly machine: string
      readonly stage: string
      readonly state: 'start' | 'done' | 'failed'
      readonly text: string
    }
  | {
      /** `error`: a failure that does not end the verb (`rm -f`). */
      readonly type: 'info' | 'warn' | 'error' | 'debug'
      readonly machine?: string
      readonly text: string
      /** Said by a driver, not by us. */
      readonly source?: 'driver'
    }
  /** What a stage is doing to the host; the names are stable, docker-machine has a line for each. */
  | {
      readonly type: 'step'
      readonly machine: string
      readonly step: 'provisioner' | 'install' | 'local-certificates' | 'remote-certificates' | 'configure'
      readonly text: string
    }
  /** A thing within a stage that takes its own time, for `create --timing` alone; one that never ends is not told. */
  | {
      readonly type: 'part'
      readonly machine: string
      readonly text: string
      /** The one that began last when it is not named. */
      readonly stage?: Stage
      readonly state: 'start' | 'done'
    }
  | {
      readonly type: 'progress'
      readonly machine?: string
      readonly text: string
      readonly done?: number
      readonly total?: number
    }

/** How long a stage, or a part of one, took: milliseconds, the first since the program's start. */
export interface StageTime {
  readonly stage: string
  readonly part?: string
  readonly startMs: number
  readonly ms: number
  /** It ended in a failure, or had not ended when something else failed. */
  readonly failed?: true
}

/** Where use cases send their story. */
export type Report = (event: ReportEvent) => void
