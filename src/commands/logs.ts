import { Flags } from '@oclif/core'
import { MACHINE_NAME, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { integerFlag } from '../cli/integer-flag.js'
import { machineLogs } from '../machine/logs.js'
import { resolveName } from '../machine/names.js'
import { neutralise } from '../util/text.js'

export default class Logs extends BaseCommand {
  static override summary = "Print a machine's boot log or its engine's log."
  static override usage = 'logs [--boot|--engine] [-f] [-n COUNT] [NAME]'
  static override strict = false
  static override args = MACHINE_NAME
  static override flags = {
    boot: Flags.boolean({
      summary: 'The serial console: kernel and init. Works on a stopped machine too.',
      exclusive: ['engine'],
    }),
    engine: Flags.boolean({ summary: "The engine's log. [default]" }),
    follow: Flags.boolean({ char: 'f', summary: 'Wait for more lines.' }),
    lines: integerFlag({ char: 'n', helpValue: 'COUNT', min: 0, summary: 'Only the last lines.' }),
  }
  static override examples = [
    '<%= config.bin %> logs web',
    '<%= config.bin %> logs web --boot',
    '<%= config.bin %> logs web -f -n 20',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Logs)
    const ctx = this.quietContext(flags)
    const name = resolveName(ctx, words(argv))
    const { json } = this.takeGlobals(flags)
    const kept: string[] = []
    await machineLogs(
      ctx,
      name,
      {
        kind: flags.boot ? 'boot' : 'engine',
        follow: flags.follow,
        ...(flags.lines === undefined ? {} : { lines: flags.lines }),
      },
      (line) => void (json ? kept.push(line) : process.stdout.write(`${neutralise(line)}\n`)),
    )
    this.answer({ name, lines: kept }, '')
  }
}
