import { BaseCommand } from '../../cli/base-command.js'
import { allFactories } from '../../cli/driver-document.js'
import { driversOf } from '../../cli/session.js'
import { listSecrets } from '../../machine/secret-entries.js'
import { renderSecrets } from '../../ui/secret-list.js'

export default class SecretLs extends BaseCommand {
  static override summary =
    'List the secrets that are kept, where, and which machines use them; never a value.'
  static override usage = 'secret ls'
  static override strict = false
  static override examples = ['<%= config.bin %> secret ls', '<%= config.bin %> secret ls --json']

  override async run(): Promise<void> {
    const { flags } = await this.parse(SecretLs)
    const ctx = this.context(flags)
    const rows = await listSecrets(ctx, await allFactories(driversOf(this.session)))
    this.answer(rows, renderSecrets(rows))
  }
}
