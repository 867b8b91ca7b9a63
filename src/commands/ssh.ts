import { Args } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.js'
import { splitPassedWords } from '../cli/passed-words.js'
import { endWith } from '../cli/remote-status.js'
import { resolveName } from '../machine/names.js'
import { sshSession } from '../machine/ssh.js'

export default class Ssh extends BaseCommand {
  static override summary = 'Log in to a machine, or run a command on it.'
  static override description =
    'Words after the name go to ssh as they are: a command, or options of ssh before it; -J takes the name of another machine too. ' +
    'Your own ssh configuration does not count, and the host key is the pinned one. The exit status is that of the command.'
  static override usage = 'ssh [NAME] [--] [COMMAND...]'
  static override strict = false
  static override args = {
    name: Args.string({ description: 'Machine (default: the one called "default")', ignoreStdin: true }),
  }
  static override examples = [
    '<%= config.bin %> ssh web',
    '<%= config.bin %> ssh web -- uname -a',
    '<%= config.bin %> ssh web docker ps --all',
    '<%= config.bin %> ssh web -L 8080:localhost:80 -N',
    '<%= config.bin %> ssh inner -J bastion',
    '<%= config.bin %> ssh --native-ssh web uptime',
  ]
  /** Help is asked for by the first word only: `ssh web ls --help` asks the remote `ls`. */
  static readonly passesArguments = true

  override async run(): Promise<void> {
    const { own, name, passed } = splitPassedWords(this.argv)
    const { flags } = await this.parse(Ssh, own)
    const ctx = this.quietContext(flags)
    const status = await sshSession(ctx, resolveName(ctx, name === undefined ? [] : [name]), passed)
    endWith(status, this.profile)
  }
}
