import { Args, Flags } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { endWith } from '../cli/remote-status.js'
import { mountFolder, unmountFolder } from '../machine/mount.js'

export default class Mount extends BaseCommand {
  static override summary = "Mount a machine's directory on this computer with sshfs, or take the mount back."
  static override usage = 'mount [-u] [-o OPTION] [USER@]MACHINE:PATH [MOUNTPOINT]'
  static override strict = false
  static override args = {
    source: Args.string({
      description: '[USER@]MACHINE:PATH (without a machine: the one called "default")',
      ignoreStdin: true,
    }),
    mountpoint: Args.string({
      description: 'A directory that exists (default: the same path as on the machine)',
      ignoreStdin: true,
    }),
  }
  static override flags = {
    unmount: Flags.boolean({ char: 'u', summary: 'Take the mount back.' }),
    option: Flags.string({
      char: 'o',
      helpValue: 'OPTION',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'An option for sshfs, as reconnect or allow_other. May be given again.',
      default: [],
    }),
  }
  static override examples = [
    '<%= config.bin %> mount web:/srv/site ./site',
    '<%= config.bin %> mount -o reconnect -o idmap=user web:work ./work',
    '<%= config.bin %> mount -u web:/srv/site ./site',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Mount)
    const [source, mountPoint, ...extra] = words(argv)
    if (source === undefined || extra.length > 0) throw this.usage('Improper number of arguments')
    const ctx = this.quietContext(flags)
    const request = { source, options: flags.option, ...(mountPoint === undefined ? {} : { mountPoint }) }
    const status = flags.unmount ? await unmountFolder(ctx, request) : await mountFolder(ctx, request)
    endWith(status, this.profile)
    this.answer({ source, mounted: !flags.unmount }, '')
  }
}
