/** The commands of the kill -9 campaign: what is there before, the words, and what must be there when it was typed again. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Extent, KillBench, Moment } from './kill-bench.js'

export interface KillCommand {
  readonly name: string
  /** Only where machines are hosts. */
  readonly needsHost?: boolean
  readonly machines?: readonly string[]
  /** Brings about what the command is for. */
  readonly before?: (bench: KillBench, moment: Moment) => Promise<void>
  readonly words: (bench: KillBench) => readonly string[]
  /** Typed after the kill, to carry on; `words` again when absent. */
  readonly again?: (bench: KillBench) => Promise<void>
  /** Refusals of the same words that say that it had been done. */
  readonly done?: RegExp
  /** What `ls` says of each machine afterwards; absent: there is none. */
  readonly state?: 'Running' | 'Stopped'
  /** The engine that runs then. */
  readonly engine?: string
  /** How much a whole run does, about: a moment is a share of it. Runs that come to their end correct it. */
  readonly extent: Extent
}

const WEB = ['web'] as const
const THREE = ['web', 'db', 'cache'] as const
const create = ({ site }: KillBench, names: readonly string[] = WEB): readonly string[] => [
  ...['create', '-d', site.driver],
  ...names,
]
const made = async (bench: KillBench): Promise<void> => void (await bench.ok(create(bench)))
const stopped = async (bench: KillBench): Promise<void> => {
  await made(bench)
  await bench.ok(['stop', 'web'])
}

/** Carries on where there is a record, begins where there is none; a complete machine refuses both. */
async function createAgain(bench: KillBench, names: readonly string[] = WEB): Promise<void> {
  for (const name of names) {
    const words = bench.has(name) ? ['create', '--resume', name] : create(bench, [name])
    const { code, stdout, stderr } = await bench.run(words)
    if (code !== 0 && !/already exists and is complete/.test(stderr))
      throw new Error(`tsmachine ${words.join(' ')} ended with ${code}\n${stdout}\n${stderr}`)
  }
}

export const COMMANDS: readonly KillCommand[] = [
  {
    name: 'create',
    words: create,
    again: createAgain,
    state: 'Running',
    extent: { files: 260, requests: 18, ms: 1_500 },
  },
  {
    name: 'create --resume',
    // Killed once before, at the same share of a create of its own.
    before: async (bench, moment) => {
      await bench.kill(
        create(bench),
        { ...moment, kind: 'file', share: 0.3 + moment.share / 3 },
        EXTENT_OF_CREATE,
      )
      if (!bench.has('web')) await made(bench)
    },
    words: () => ['create', '--resume', 'web'],
    again: createAgain,
    done: /already exists and is complete/,
    state: 'Running',
    extent: { files: 150, requests: 12, ms: 1_200 },
  },
  {
    name: 'create of three',
    machines: THREE,
    words: (bench) => create(bench, THREE),
    again: (bench) => createAgain(bench, THREE),
    state: 'Running',
    extent: { files: 780, requests: 50, ms: 3_000 },
  },
  {
    name: 'start',
    before: stopped,
    words: () => ['start', 'web'],
    done: /already running/,
    state: 'Running',
    extent: { files: 60, requests: 6, ms: 1_000 },
  },
  {
    name: 'stop',
    before: made,
    words: () => ['stop', 'web'],
    done: /already stopped/,
    state: 'Stopped',
    extent: { files: 20, requests: 6, ms: 800 },
  },
  {
    name: 'kill',
    before: made,
    words: () => ['kill', 'web'],
    done: /already stopped/,
    state: 'Stopped',
    extent: { files: 20, requests: 6, ms: 800 },
  },
  {
    name: 'restart',
    before: made,
    words: () => ['restart', 'web'],
    state: 'Running',
    extent: { files: 60, requests: 8, ms: 1_500 },
  },
  {
    name: 'rm',
    before: made,
    words: () => ['rm', '-y', 'web'],
    done: /does not exist/,
    extent: { files: 30, requests: 8, ms: 500 },
  },
  {
    name: 'rm -f',
    before: made,
    words: () => ['rm', '-f', 'web'],
    done: /does not exist/,
    extent: { files: 30, requests: 8, ms: 500 },
  },
  {
    name: 'upgrade',
    needsHost: true,
    before: async (bench) => {
      await made(bench)
      bench.bringNewEngine()
    },
    words: () => ['upgrade', 'web'],
    state: 'Running',
    engine: 'v27.0.1',
    extent: { files: 30, requests: 4, ms: 700 },
  },
  {
    name: 'provision',
    needsHost: true,
    before: made,
    words: () => ['provision', 'web'],
    state: 'Running',
    extent: { files: 30, requests: 4, ms: 600 },
  },
  {
    name: 'regenerate-certs',
    needsHost: true,
    before: made,
    words: () => ['regenerate-certs', '-f', 'web'],
    state: 'Running',
    extent: { files: 40, requests: 2, ms: 600 },
  },
  {
    name: 'regenerate-certs --client-certs',
    needsHost: true,
    before: made,
    words: () => ['regenerate-certs', '-f', '--client-certs', 'web'],
    state: 'Running',
    extent: { files: 60, requests: 2, ms: 900 },
  },
  {
    name: 'access',
    before: made,
    words: () => ['access', '--any', 'web'],
    state: 'Running',
    extent: { files: 20, requests: 6, ms: 500 },
  },
  {
    name: 'gc of a lost record',
    before: async (bench) => {
      await made(bench)
      rmSync(join(bench.user.store, 'machines/web'), { recursive: true })
      rmSync(join(bench.user.dockerConfig, 'contexts'), { recursive: true, force: true })
    },
    words: ({ site }) => ['gc', '-y', '-d', site.driver, 'web'],
    done: /is not at|no such|not found|Nothing/i,
    extent: { files: 6, requests: 14, ms: 900 },
  },
  {
    name: 'gc of what rm -f gave up on',
    before: async (bench) => {
      await made(bench)
      bench.site.refuse(true)
      await bench.run(['rm', '-f', 'web'])
      bench.site.refuse(false)
    },
    words: ({ site }) => ['gc', '-y', '-d', site.driver],
    extent: { files: 12, requests: 14, ms: 900 },
  },
]

const EXTENT_OF_CREATE = COMMANDS[0]?.extent ?? { files: 1, requests: 1, ms: 1 }
