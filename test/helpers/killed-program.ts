/** The built program, killed by kill -9 at a moment; and what may be left of a user's machines when all are removed. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { processes } from '../../tools/leftovers.js'
import { type Outcome, PROGRAM, TestUser } from './cli.js'
import type { Trial } from './trials.js'

const PRELOAD = fileURLToPath(new URL('./die-at-record.cjs', import.meta.url))

/** How much a command is sure to do: it dies within that, at a write of the record or at any time. */
export interface Extent {
  readonly writes: number
  readonly ms: number
}

/** A moment within the extent; in words, for the failure. */
export interface Moment {
  readonly text: string
  readonly record?: string
  readonly ms?: number
}

export function momentOf(trial: Trial, { writes, ms }: Extent): Moment {
  if (writes === 0 || trial.next(2) === 0) {
    const at = trial.next(ms)
    return { text: `after ${at} ms`, ms: at }
  }
  const record = `${1 + trial.next(writes)} ${trial.pick(['before', 'after'])}`
  return { text: `at record ${record}`, record }
}

/** A user whose temporary files and cache are in their own home too, so that none is overlooked; images are those of all. */
export class KilledUser extends TestUser {
  readonly #own: Readonly<Record<string, string>>

  constructor() {
    super()
    const [tmp, cache] = [join(this.home, 'tmp'), join(this.home, 'cache')]
    const [shared, images] = [this.env['XDG_CACHE_HOME'] ?? '', cache].map((base) =>
      join(base, 'tsmachine', 'images'),
    )
    for (const dir of [tmp, images ?? '']) mkdirSync(dir, { recursive: true, mode: 0o700 })
    for (const name of under(shared ?? '', false))
      if (!name.startsWith('.')) symlinkSync(join(shared ?? '', name), join(images ?? '', name))
    this.#own = { TMPDIR: tmp, XDG_CACHE_HOME: cache }
  }

  override async tsmachine(...[args, options = {}]: Parameters<TestUser['tsmachine']>): Promise<Outcome> {
    return await super.tsmachine(args, { ...options, env: { ...this.#own, ...options.env } })
  }

  /** @throws Error when the program came to its end before its moment, unless it is short and did its work */
  async killed(args: readonly string[], { text, record, ms }: Moment, isShort = false): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const outcome = await this.run(process.execPath, ['--require', PRELOAD, PROGRAM, ...args], {
      env: { ...this.#own, ...(record === undefined ? {} : { TSM_DIE_AT_RECORD: record }) },
      started: (child) => {
        if (ms !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), ms)
      },
    })
    clearTimeout(timer)
    if (outcome.signal === 'SIGKILL' || (isShort && outcome.code === 0)) return
    throw new Error(
      `tsmachine ${args.join(' ')} ended with ${outcome.code} before ${text}\n${outcome.stderr}`,
    )
  }

  /** What is left of a machine that was removed. */
  leftoversOf(name: string, machineId: string | undefined): readonly string[] {
    const words = [join(this.store, 'machines', name) + '/', ...(machineId ? [machineId] : [])]
    return [
      ...processes()
        .map(({ pid, command }) => `process ${pid} ${command}`)
        .filter((text) => words.some((word) => text.replaceAll('-', '').includes(word.replaceAll('-', '')))),
      ...under(this.store).filter((path) => new RegExp(`(^|[/.])${name}([./]|$)`).test(path)),
      ...under(join(this.home, 'run')).filter((path) => machineId && path.includes(machineId.slice(0, 8))),
      ...this.contexts().filter((context) => context === name),
    ]
  }

  /** What is left when no machine is. */
  leftovers(): readonly string[] {
    return [
      ...processes()
        .filter(({ command }) => command.includes(this.home))
        .map(({ pid, command }) => `process ${pid} ${command}`),
      ...under(join(this.store, 'machines')),
      ...under(join(this.store, 'locks')),
      ...under(join(this.home, 'run', 'tsmachine')),
      ...under(join(this.home, 'tmp')),
      ...unfinishedTemplates(join(this.home, 'cache', 'tsmachine', 'templates')),
      ...under(this.store).filter((path) => /\.tmp$|\.partial$|\.next$/.test(path)),
      ...this.contexts(),
    ].filter((path) => path !== '.removed')
  }

  /** Names of all Docker contexts. */
  contexts(): readonly string[] {
    const meta = join(this.dockerConfig, 'contexts', 'meta')
    return under(meta)
      .filter((path) => path.endsWith('meta.json'))
      .map((path) => (JSON.parse(readFileSync(join(meta, path), 'utf8')) as { Name: string }).Name)
  }
}

/** A whole template is kept on purpose: further machines start from it. */
function unfinishedTemplates(dir: string): readonly string[] {
  const isWhole = (name: string): boolean =>
    /^[0-9a-f]{16}$/.test(name) &&
    ['template.json', 'memory.saved', 'data.raw'].every((file) => existsSync(join(dir, name, file)))
  return under(dir, false).filter((name) => !isWhole(name))
}

function under(dir: string, recursive = true): readonly string[] {
  return existsSync(dir) ? readdirSync(dir, { recursive, encoding: 'utf8' }) : []
}
