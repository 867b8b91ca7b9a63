import { ACTIVE_TIMEOUT, activeAnswer } from '../cli/answers/active.js'
import { BaseCommand } from '../cli/base-command.js'
import { integerFlag } from '../cli/integer-flag.js'

export default class Active extends BaseCommand {
  static override summary = 'Print which machine DOCKER_HOST points to, or whose swarm.'
  static override usage = 'active [-t SECONDS]'
  static override strict = false
  static override flags = {
    timeout: integerFlag({
      char: 't',
      helpValue: 'SECONDS',
      default: ACTIVE_TIMEOUT,
      min: 0,
      summary: 'How long to wait for what a driver knows of its machines.',
    }),
  }
  static override examples = ['<%= config.bin %> active', '<%= config.bin %> active --timeout 2']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Active)
    this.give(await activeAnswer(this.input(argv, flags), flags))
  }
}
