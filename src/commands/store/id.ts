import { Flags } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.js'
import { moveStore, renewStoreId, storeIdentity } from '../../machine/store-identity.js'

export default class StoreId extends BaseCommand {
  static override summary = 'Print the id by which the store marks what it makes, or settle it after a copy.'
  static override description =
    'Everything at a provider bears the id of its store, and gc removes what bears it and belongs to no machine. In a ' +
    'copied store that would be what the other copy has made since: gc refuses until the copy has an id of its own ' +
    '(--new), or until it is said that the store was moved (--moved). Machines are reached and removed as before.'
  static override usage = 'store id [--new | --moved]'
  static override strict = false
  static override flags = {
    new: Flags.boolean({
      summary: 'Another id for this copy; the other copy keeps the old one.',
      exclusive: ['moved'],
    }),
    moved: Flags.boolean({ summary: 'The store was moved to this computer and is used nowhere else.' }),
  }
  static override examples = ['<%= config.bin %> store id', '<%= config.bin %> store id --new']

  override async run(): Promise<void> {
    const { flags } = await this.parse(StoreId)
    const ctx = this.context(flags)
    const work = flags.new ? renewStoreId : flags.moved ? moveStore : storeIdentity
    const identity = await work(ctx)
    if (identity.copiedFrom !== undefined)
      ctx.report({
        type: 'warn',
        text: `This store got its id on ${identity.copiedFrom}: see store id --help`,
      })
    this.answer(identity, identity.id)
  }
}
