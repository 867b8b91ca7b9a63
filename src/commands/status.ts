import { MACHINE_NAME, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { resolveName } from '../machine/names.js'
import { machineStatus } from '../machine/status.js'

export default class Status extends BaseCommand {
  static override summary = "Print a machine's state in one word."
  static override usage = 'status [NAME]'
  static override strict = false
  static override args = MACHINE_NAME
  static override examples = ['<%= config.bin %> status web']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Status)
    const ctx = this.quietContext(flags)
    const name = resolveName(ctx, words(argv))
    const state = await machineStatus(ctx, name)
    this.answer({ name, state }, `${state}\n`)
  }
}
