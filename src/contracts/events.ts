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
  | { readonly type: 'info' | 'warn' | 'debug'; readonly machine?: string; readonly text: string }
  | {
      readonly type: 'progress'
      readonly machine?: string
      readonly text: string
      readonly done?: number
      readonly total?: number
    }

/** Where use cases send their story. */
export type Report = (event: ReportEvent) => void
