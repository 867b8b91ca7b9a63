import { Args, Flags } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { endWith } from '../cli/remote-status.js'
import { copyFiles } from '../machine/copy.js'
import { copyMeter } from '../ui/copy-meter.js'

export default class Scp extends BaseCommand {
  static override summary = 'Copy files between this computer and machines, or between two machines.'
  static override description = [
    'Each side is [[USER@]MACHINE:]PATH; without a machine, or with "localhost:", it is here. As in scp a colon after a slash',
    'belongs to the path (./a:b), and wildcards in a path on a machine are expanded there. Without an scp program, and with',
    '--native-ssh, a client of our own copies.',
  ].join(' ')
  static override usage = 'scp [-r] [-d] [-q] SOURCE TARGET'
  static override strict = false
  static override args = {
    source: Args.string({ description: '[[USER@]MACHINE:]PATH', ignoreStdin: true }),
    target: Args.string({ description: '[[USER@]MACHINE:]PATH', ignoreStdin: true }),
  }
  static override flags = {
    recursive: Flags.boolean({ char: 'r', summary: 'Copy directories with what is in them.' }),
    delta: Flags.boolean({
      char: 'd',
      summary: 'Send only what differs, with rsync, which must be here and on the machine.',
    }),
    quiet: Flags.boolean({ char: 'q', summary: 'Show no progress.' }),
  }
  static override examples = [
    '<%= config.bin %> scp web:/etc/os-release .',
    '<%= config.bin %> scp -r site "web:/srv/my site"',
    '<%= config.bin %> scp web:notes.txt root@db:/tmp/',
    '<%= config.bin %> scp -r -d site web:/srv',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Scp)
    const [source, target, ...extra] = words(argv)
    if (source === undefined || target === undefined || extra.length > 0)
      throw this.usage('Improper number of arguments')
    const ctx = this.quietContext(flags)
    const quiet = flags.quiet || this.takeGlobals(flags).json
    const status = await copyFiles(ctx, {
      source,
      target,
      recursive: flags.recursive,
      delta: flags.delta,
      quiet,
      ...(!quiet && process.stderr.isTTY ? { onProgress: copyMeter(process.stderr) } : {}),
    })
    endWith(status, this.profile)
    this.answer({ source, target }, '')
  }
}
