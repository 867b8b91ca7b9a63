import { Flags } from '@oclif/core'
import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { changeAccess, machineAccess } from '../machine/change-access.js'
import { resolveNames, withMachines } from '../machine/names.js'
import { renderAccess } from '../ui/access.js'

const source = (summary: string) =>
  Flags.string({
    summary: `${summary} [may be repeated]`,
    helpValue: 'CIDR',
    multiple: true,
    multipleNonGreedy: true,
  })

export default class Access extends BaseCommand {
  static override summary = "Show or change who may reach machines through their provider's firewall."
  static override usage = 'access [FLAGS] [NAME...]'
  static override strict = false
  static override description =
    'A new cloud machine is open to the computer that made it alone. --here follows that computer to another network.'
  static override args = MACHINE_NAMES
  static override flags = {
    here: Flags.boolean({
      summary: 'This computer has another address now: let that in instead of the last.',
    }),
    add: source('Let in an address or a network too.'),
    rm: source('Let it in no more.'),
    any: Flags.boolean({
      summary: 'Let in everybody (keys and certificates still count); --rm any ends it.',
    }),
  }
  static override examples = [
    '<%= config.bin %> access web',
    '<%= config.bin %> access --here web db',
    '<%= config.bin %> access --add 203.0.113.0/24 --rm any web',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Access)
    const ctx = this.context(flags)
    const names = resolveNames(ctx, words(argv))
    const add = [...(flags.add ?? []), ...(flags.any ? ['any'] : [])]
    const change = { here: flags.here, add, remove: flags.rm ?? [] }
    const isChange = change.here || change.add.length > 0 || change.remove.length > 0
    const results = await withMachines(names, (name) =>
      isChange ? changeAccess(ctx, name, change) : machineAccess(ctx, name),
    )
    const machines = results.map(({ value }) => value)
    this.answer(machines, renderAccess(machines))
  }
}
