import { Args } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { useMachine } from '../machine/use.js'

export default class Use extends BaseCommand {
  static override summary = "Make a machine's Docker context the current one, for every shell of this user."
  static override usage = 'use NAME|-'
  static override strict = false
  static override args = {
    name: Args.string({ description: 'Machine, or - for the context used before', ignoreStdin: true }),
  }
  static override examples = ['<%= config.bin %> use web', '<%= config.bin %> use -']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Use)
    const [name, ...extra] = words(argv)
    if (name === undefined || extra.length > 0)
      throw this.usage('Error: Expected one machine name as an argument')
    const ctx = this.context(flags)
    const outcome = await useMachine(ctx, name)
    this.answer(outcome, `Current Docker context is now "${outcome.name}" (was "${outcome.previous}")`)
  }
}
