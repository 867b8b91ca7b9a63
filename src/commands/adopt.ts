import { Args, Flags } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { adoptMachine } from '../machine/adopt.js'

export default class Adopt extends BaseCommand {
  static override summary = 'Make a machine of a server that a lost store has left at a provider.'
  static override usage = 'adopt --driver NAME [FLAGS] ID|NAME'
  static override strict = false
  static override description =
    'The server is found by its tags, which also hold the fingerprint of its host key. It gets keys and certificates of this store; those of the lost one count no more.'
  static override args = {
    id: Args.string({ description: 'Its id at the provider, or its name', ignoreStdin: true }),
  }
  static override flags = {
    driver: Flags.string({ char: 'd', helpValue: 'NAME', summary: 'The driver that made it.' }),
    'ssh-key': Flags.string({
      helpValue: 'FILE',
      summary: 'A private key that the server knows (create --authorized-key).',
    }),
    as: Flags.string({ helpValue: 'NAME', summary: 'What it is called here. [default: as before]' }),
  }
  static override examples = [
    '<%= config.bin %> adopt --driver digitalocean --ssh-key ~/.ssh/id_ed25519 web',
    '<%= config.bin %> adopt --driver hetzner --ssh-key rescue.key --as web2 4711',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Adopt)
    const [target, ...extra] = words(argv)
    if (target === undefined || extra.length > 0) throw this.usage('Expected one server: its id or its name')
    if (!flags.driver) throw this.usage('Expected --driver NAME')
    const { as: name, 'ssh-key': keyPath, driver } = flags
    const request = { driver, target, ...(name ? { name } : {}), ...(keyPath ? { keyPath } : {}) }
    const adopted = await adoptMachine(this.context(flags), request)
    this.answer({ name: adopted }, `Adopted as ${adopted}`)
  }
}
