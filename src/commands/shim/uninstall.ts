import { Args } from '@oclif/core'
import { words } from '../../cli/args.js'
import { BaseCommand } from '../../cli/base-command.js'
import { uninstallShim } from '../../cli/shim.js'

export default class ShimUninstall extends BaseCommand {
  static override summary =
    'Remove our links docker-machine and docker-machine-driver-*; what was moved aside for them comes back.'
  static override usage = 'shim uninstall [DIR]'
  static override strict = false
  static override args = {
    dir: Args.string({ description: 'Directory of the links (default: all of PATH)', ignoreStdin: true }),
  }
  static override examples = ['<%= config.bin %> shim uninstall', '<%= config.bin %> shim uninstall ~/bin']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(ShimUninstall)
    const [dir, ...extra] = words(argv)
    if (extra.length > 0) throw this.usage(`Expected one directory, found also ${extra.join(' ')}`)
    this.takeGlobals(flags)
    const { removed } = await uninstallShim(this.session.env, dir)
    const text = removed.map((path) => `Removed ${path}`).join('\n')
    this.answer({ removed }, text === '' ? 'There is no link of ours to remove' : text)
  }
}
