import { Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.js'
import { listMachines, listNames } from '../machine/list.js'
import { parseFilter } from '../machine/list-filter.js'
import { renderFormat, renderList } from '../ui/machine-list.js'

export default class Ls extends BaseCommand {
  static override summary = 'List machines with their state, address and engine.'
  static override usage = 'ls [FLAGS]'
  static override strict = false
  static override flags = {
    quiet: Flags.boolean({ char: 'q', summary: 'Names only.' }),
    filter: Flags.string({
      helpValue: 'KEY=VALUE',
      summary: 'Only machines with this driver=, state=, name= (regular expression) or label=KEY[=VALUE].',
      multiple: true,
      multipleNonGreedy: true,
    }),
    timeout: Flags.integer({
      char: 't',
      helpValue: 'SECONDS',
      default: 10,
      summary: 'For the answer of one machine.',
    }),
    format: Flags.string({
      char: 'f',
      helpValue: 'TEMPLATE',
      summary: 'Go template per machine; "table ..." adds a header.',
    }),
  }
  static override examples = [
    '<%= config.bin %> ls',
    '<%= config.bin %> ls -q --filter driver=qemu',
    '<%= config.bin %> ls --filter state=Running --format "{{.Name}} {{.URL}}"',
    '<%= config.bin %> ls --json',
  ]

  override async run(): Promise<void> {
    const { flags } = await this.parse(Ls)
    const ctx = this.context(flags)
    const filters = (flags.filter ?? []).map(parseFilter)
    const byState = filters.some((filter) => filter.key === 'state')
    if (flags.quiet && !byState) {
      const names = listNames(ctx, filters)
      return this.answer(names, names.join('\n'))
    }
    const rows = await listMachines(ctx, { filters, timeoutMs: flags.timeout * 1000 })
    if (flags.quiet)
      return this.answer(
        rows.map((row) => row.name),
        rows.map((row) => row.name).join('\n'),
      )
    this.answer(
      rows,
      flags.format === undefined ? renderList(rows, this.profile) : renderFormat(flags.format, rows),
    )
  }
}
