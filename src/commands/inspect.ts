import { Flags } from '@oclif/core'
import { MACHINE_NAME, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { inspectMachine } from '../machine/inspect.js'
import { resolveName } from '../machine/names.js'
import { compileTemplate } from '../ui/template/index.js'
import { escapeAsGo } from '../util/text.js'

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
    const template = flags.format === undefined ? undefined : compileTemplate(flags.format)
    const ctx = this.quietContext(flags)
    const document = await inspectMachine(ctx, resolveName(ctx, words(argv)))
    const text = template ? `${template(document)}\n` : escapeAsGo(JSON.stringify(document, undefined, 4))
    this.answer(document, text)
  }
}
