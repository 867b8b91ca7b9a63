import { Flags } from '@oclif/core'
import { MACHINE_NAME, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { clientConfig } from '../machine/client-config.js'
import { resolveNames } from '../machine/names.js'

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
    const ctx = this.quietContext(flags)
    const [name = ''] = resolveNames(ctx, words(argv).slice(0, 1))
    const config = await clientConfig(ctx, name, flags)
    const path = (file: string): string => JSON.stringify(file)
    this.answer(
      config,
      [
        '--tlsverify',
        `--tlscacert=${path(config.caPath)}`,
        `--tlscert=${path(config.certPath)}`,
        `--tlskey=${path(config.keyPath)}`,
        `-H=${config.url}`,
      ].join('\n'),
    )
  }
}
