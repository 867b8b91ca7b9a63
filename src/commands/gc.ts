import { Args, Flags } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { confirm, isInteractive } from '../cli/confirm.js'
import { surveyRows, sweptRows, tellKept } from '../cli/gc-report.js'
import { joinErrors, type MachineError } from '../contracts/errors.js'
import type { MachineContext } from '../machine/context.js'
import { surveyLeftovers, sweep, sweepOwn } from '../machine/gc.js'
import { type LeftoverRow, renderLeftovers } from '../ui/leftovers.js'
import { parseDuration } from '../util/duration.js'

interface Answers {
  readonly 'all-stores': boolean
  readonly yes: boolean
}

export default class Gc extends BaseCommand {
  static override summary = 'Find and remove what is left at providers although no machine needs it.'
  static override usage = 'gc [FLAGS] [ID...]'
  static override strict = false
  static override description =
    'Looks by tag at every account that there are credentials for. What bears the tags of another store, or is younger than an hour, is left alone unless it is named by its id.'
  static override args = {
    id: Args.string({ description: "Only these: the provider's id, or the name", ignoreStdin: true }),
  }
  static override flags = {
    driver: Flags.string({ char: 'd', helpValue: 'NAME', summary: 'Only at this provider.' }),
    'dry-run': Flags.boolean({ summary: 'Show it, remove nothing.' }),
    'older-than': Flags.string({
      helpValue: '2h',
      default: '1h',
      summary: 'Only what is older.',
    }),
    'all-stores': Flags.boolean({ summary: 'Also what other stores made. Always asks.' }),
    yes: Flags.boolean({ char: 'y', summary: 'Do not ask.' }),
  }
  static override examples = [
    '<%= config.bin %> gc --dry-run',
    '<%= config.bin %> gc -y --older-than 1d',
    '<%= config.bin %> gc --driver hetzner 4711',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Gc)
    const olderThanMs = parseDuration(flags['older-than'])
    if (olderThanMs === undefined)
      throw this.usage(`--older-than wants 90m, 2h, 1d, not "${flags['older-than']}"`)
    const ctx = this.context(flags)
    const request = { allStores: flags['all-stores'], olderThanMs, ids: words(argv) }
    const survey = await surveyLeftovers(ctx, {
      ...request,
      ...(flags.driver ? { driver: flags.driver } : {}),
    })
    tellKept(ctx, survey, olderThanMs)
    if (!flags['dry-run']) await sweepOwn(ctx)
    const rows = surveyRows(survey)
    const table = rows.length === 0 ? 'Nothing is left over' : renderLeftovers(rows, ctx.clock.now())
    if (rows.length === 0 || flags['dry-run']) return this.outcome(rows, table, survey.errors)
    ctx.report({ type: 'info', text: table.trimEnd() })
    if (!(await this.agreed(ctx, rows.length, flags))) return this.answer([], '')
    const swept = await sweep(ctx, survey)
    const removed = sweptRows(swept)
    const text = `Removed ${removed.length} of ${rows.length}`
    this.outcome(removed, text, [...survey.errors, ...swept.errors])
  }

  /** What could not be looked at does not hide what was found. */
  private outcome(rows: readonly LeftoverRow[], text: string, errors: readonly MachineError[]): void {
    if (errors.length === 0) this.answer(rows, text)
    else this.answerPart(rows, text, joinErrors(errors))
  }

  private async agreed(ctx: MachineContext, count: number, flags: Answers): Promise<boolean> {
    if (flags.yes && !flags['all-stores']) return true
    if (!isInteractive())
      throw this.usage(
        'There is no terminal to ask on: nothing was removed',
        flags['all-stores']
          ? 'What other stores made is never removed unasked.'
          : 'Say it with the command: gc -y',
      )
    return await confirm(`Remove ${count === 1 ? 'it' : `these ${count}`} for good? (y/n): `, ctx.signal)
  }
}
