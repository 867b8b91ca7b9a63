import { setFlagsFromString } from 'node:v8'
import { Flags } from '@oclif/core'
import { namesAnswer } from '../cli/answers/names.js'
import { BaseCommand } from '../cli/base-command.js'
import { integerFlag } from '../cli/integer-flag.js'
import { type Look, watchList } from '../cli/watch-list.js'
import type { Profile } from '../contracts/profile.js'
import { listMachines, type ListRow } from '../machine/list.js'
import { parseFilter } from '../machine/list-filter.js'
import { LiveScreen } from '../ui/live-screen.js'
import { compileFormat } from '../ui/machine-format.js'
import { renderList } from '../ui/machine-list.js'

/** From so many machines on memory is worth more than a little time: most of it would be what V8 has yet to collect. */
const MANY = 1_000

export default class Ls extends BaseCommand {
  static override summary = 'List machines with their state, address and engine.'
  static override description =
    'On a terminal the rows are there at once and fill in as the answers come. As tsmachine the column SWARM is shown ' +
    'where a machine is in a swarm, and CERT where a server certificate ends in less than 30 days.'
  static override usage = 'ls [FLAGS]'
  static override strict = false
  static override flags = {
    quiet: Flags.boolean({ char: 'q', summary: 'Names only.' }),
    filter: Flags.string({
      helpValue: 'KEY=VALUE',
      summary:
        'Only machines with this driver=, state=, swarm= (name of its master), name= (regular expression of Go) or ' +
        'label=KEY[=VALUE]. The same key again means "or", another one "and".',
      multiple: true,
      multipleNonGreedy: true,
    }),
    timeout: integerFlag({
      char: 't',
      helpValue: 'SECONDS',
      default: 10,
      min: 0,
      summary: 'For all answers together.',
    }),
    format: Flags.string({
      char: 'f',
      helpValue: 'TEMPLATE',
      summary: 'Go template per machine; "table ..." adds a header.',
    }),
    watch: Flags.boolean({
      char: 'w',
      summary:
        'Look again and again: in place on a terminal; elsewhere the list is written each time, with --json as one ' +
        'document per line.',
    }),
    interval: integerFlag({
      helpValue: 'SECONDS',
      min: 1,
      summary: 'Pause between two looks with --watch. [default: 5]',
      dependsOn: ['watch'],
    }),
  }
  static override examples = [
    '<%= config.bin %> ls',
    '<%= config.bin %> ls -q --filter driver=qemu',
    '<%= config.bin %> ls --filter state=Running --format "{{.Name}} {{.URL}}"',
    '<%= config.bin %> ls --format "table {{.Name}}\\t{{.State}}\\t{{.ResponseTime}}"',
    '<%= config.bin %> ls --watch --interval 2',
    '<%= config.bin %> ls --json',
  ]

  override async run(): Promise<void> {
    const { flags } = await this.parse(Ls)
    const ctx = this.quietContext(flags)
    const filters = (flags.filter ?? []).map(parseFilter)
    const byState = filters.some((filter) => filter.key === 'state')
    const named = flags.quiet ? namesAnswer({ ctx }, filters) : undefined
    if (named && !byState && !flags.watch) return this.give(named)
    if (ctx.store.names().length > MANY) setFlagsFromString('--optimize-for-size')
    const { json } = this.takeGlobals(flags)
    const view = viewOf(flags, this.profile)
    const look = async (show?: (text: () => string) => void): Promise<Look> => {
      const progress =
        show && view.live ? (rows: () => readonly ListRow[]) => show(() => view.text(rows())) : undefined
      const rows = await listMachines(ctx, {
        filters,
        timeoutMs: flags.timeout * 1000,
        statesOnly: flags.quiet,
        ...(progress ? { progress } : {}),
      })
      return { text: view.text(rows), result: view.result(rows) }
    }
    const stdout = process.stdout
    if (flags.watch)
      return await watchList({ ctx, json, stdout, look, intervalMs: (flags.interval ?? 5) * 1000 })
    const screen = stdout.isTTY && !json ? new LiveScreen(stdout) : undefined
    const shown = look(screen && ((known) => screen.show(known)))
    const { text, result } = await shown.finally(() => screen?.end())
    this.answer(result, text)
  }
}

/** How rows are shown. */
interface View {
  readonly text: (rows: readonly ListRow[]) => string
  readonly result: (rows: readonly ListRow[]) => unknown
  /** Whether rows that have not answered yet can be shown too. */
  readonly live: boolean
}

function viewOf(flags: { quiet: boolean; format?: string | undefined }, profile: Profile): View {
  if (flags.quiet) {
    const text = (rows: readonly ListRow[]): string =>
      loadedNames(rows)
        .map((name) => `${name}\n`)
        .join('')
    return { text, result: loadedNames, live: false }
  }
  const result = (rows: readonly ListRow[]): unknown => rows.map(jsonRow)
  if (flags.format !== undefined && flags.format !== '')
    return { text: compileFormat(flags.format), result, live: false }
  return { text: (rows) => renderList(rows, profile), result, live: true }
}

/** As `listNames` has them. */
function loadedNames(rows: readonly ListRow[]): readonly string[] {
  return rows
    .filter((row) => row.driver !== 'not found')
    .map((row) => row.name)
    .sort()
}

/** `inspect` has the options. */
function jsonRow({ engineOptions: _engine, swarmOptions: _swarm, ...row }: ListRow): unknown {
  return row
}
