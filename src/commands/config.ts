import { Flags } from '@oclif/core'
import { configAnswer } from '../cli/answers/config.js'
import { MACHINE_NAME } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'

export default class Config extends BaseCommand {
  static override summary = 'Print the options with which docker reaches a machine, after trying them.'
  static override usage = 'config [--swarm] [NAME]'
  static override strict = false
  static override args = MACHINE_NAME
  static override flags = {
    swarm: Flags.boolean({ summary: 'Reach the manager of the classic swarm.' }),
  }
  static override examples = ['docker $(<%= config.bin %> config web) ps']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Config)
    this.give(await configAnswer(this.input(argv, flags), { swarm: flags.swarm === true }))
  }
}
