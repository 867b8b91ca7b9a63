import { Args, Flags } from '@oclif/core'
import { words } from '../../cli/args.js'
import { BaseCommand } from '../../cli/base-command.js'
import { type Installed, installShim } from '../../cli/shim.js'

export default class ShimInstall extends BaseCommand {
  static override summary = 'Link the name docker-machine to this program.'
  static override description =
    'Without DIR the link goes beside tsmachine, or into the first directory of PATH that you may write to. What was docker-machine before is written down, and moved aside with --force.'
  static override usage = 'shim install [--force] [DIR]'
  static override strict = false
  static override args = { dir: Args.string({ description: 'Directory for the link', ignoreStdin: true }) }
  static override flags = {
    force: Flags.boolean({ summary: 'Move a docker-machine aside that is in the way.' }),
  }
  static override examples = [
    '<%= config.bin %> shim install',
    '<%= config.bin %> shim install ~/bin',
    'sudo <%= config.bin %> shim install --force /usr/local/bin',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(ShimInstall)
    const [dir, ...extra] = words(argv)
    if (extra.length > 0) throw this.usage(`Expected one directory, found also ${extra.join(' ')}`)
    this.takeGlobals(flags)
    const installed = await installShim(this.session.env, {
      force: flags.force,
      ...(dir === undefined ? {} : { dir }),
    })
    this.answer(installed, lines(installed).join('\n'))
  }
}

function lines({ path, target, changed, previous, first, firstIsOurs }: Installed): readonly string[] {
  return [
    changed ? `${path} now leads to ${target}` : `${path} leads to ${target} already`,
    ...(previous ? [`The docker-machine from before is ${previous.path}`] : []),
    ...(first === undefined ? ['Its directory is not in PATH: no shell will find it by its name.'] : []),
    ...(first === undefined || firstIsOurs ? [] : [`In PATH another docker-machine comes first: ${first}`]),
  ]
}
