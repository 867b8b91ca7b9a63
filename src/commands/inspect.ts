import { Flags } from '@oclif/core'
import { inspectAnswer } from '../cli/answers/inspect.js'
import { MACHINE_NAME } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'

export default class Inspect extends BaseCommand {
  static override summary = 'Print what is recorded of a machine, secrets masked.'
  static override usage = 'inspect [-f TEMPLATE] [NAME]'
  static override strict = false
  static override args = MACHINE_NAME
  static override flags = {
    format: Flags.string({ char: 'f', helpValue: 'TEMPLATE', summary: 'Go template over the document.' }),
  }
  static override examples = [
    '<%= config.bin %> inspect web',
    "<%= config.bin %> inspect -f '{{.Driver.IPAddress}}' web",
    "<%= config.bin %> inspect -f '{{json .HostOptions.EngineOptions}}' web",
    "<%= config.bin %> inspect -f '{{.HostKey.Source}}' web",
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Inspect)
    this.give(await inspectAnswer(this.input(argv, flags), flags))
  }
}
