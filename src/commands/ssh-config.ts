import { Flags } from '@oclif/core'
import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import {
  installSshConfig,
  type SshEntries,
  sshEntries,
  type SshConfigRequest,
  uninstallSshConfig,
} from '../machine/ssh-config.js'

export default class SshConfig extends BaseCommand {
  static override summary = 'Print or install entries by which plain ssh, rsync and editors reach machines.'
  static override description = [
    '--install puts one Include line at the top of ~/.ssh/config; the entries themselves stay in the store, are kept right',
    'when machines are created and started, and go with them. A name that you have a host for already is refused: --prefix',
    'puts something before the names. Without names, all machines.',
  ].join(' ')
  static override usage = 'ssh-config [--install [--prefix PREFIX]|--uninstall] [NAME...]'
  static override strict = false
  static override args = MACHINE_NAMES
  static override flags = {
    install: Flags.boolean({ summary: 'Make "ssh NAME" work.', exclusive: ['uninstall'] }),
    uninstall: Flags.boolean({ summary: 'Take back what --install wrote; with names, their entries only.' }),
    prefix: Flags.string({
      helpValue: 'PREFIX',
      summary: 'What ssh calls a machine is PREFIX and its name.',
    }),
  }
  static override examples = [
    '<%= config.bin %> ssh-config web',
    '<%= config.bin %> ssh-config --install && ssh web',
    '<%= config.bin %> ssh-config --install --prefix vm- && ssh vm-web',
    '<%= config.bin %> ssh-config --uninstall',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(SshConfig)
    const ctx = this.quietContext(flags)
    const names = words(argv)
    if (flags.uninstall) {
      const outcome = await uninstallSshConfig(ctx, names)
      return this.answer(
        outcome,
        outcome.changed ? 'The entries are taken back.' : 'There was nothing to take back.',
      )
    }
    const request: SshConfigRequest = {
      names,
      ...(flags.prefix === undefined ? {} : { prefix: flags.prefix }),
    }
    if (!flags.install) {
      const found = await sshEntries(ctx, request)
      return this.answer(found, [...found.entries.map(({ text }) => text), ...skippedLines(found)].join('\n'))
    }
    const outcome = await installSshConfig(ctx, request)
    const hosts = outcome.entries.map(({ alias }) => alias).join(' ')
    this.answer(
      outcome,
      [`${outcome.configPath} includes them: ${hosts || 'no machine yet'}`, ...skippedLines(outcome)].join(
        '\n',
      ),
    )
  }
}

function skippedLines({ skipped }: SshEntries): string[] {
  return skipped.map(({ name, reason }) => `# left out: ${name}: ${reason}`)
}
