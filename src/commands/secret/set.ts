import { Args } from '@oclif/core'
import { words } from '../../cli/args.js'
import { BaseCommand } from '../../cli/base-command.js'
import { readSecretValue } from '../../cli/secret-value.js'
import { setSecret } from '../../machine/secret-entries.js'

export default class SecretSet extends BaseCommand {
  static override summary = 'Keep a token or password for all creates with a driver.'
  static override description =
    'The value is asked for, or comes on standard input; it is never a word of the command line. It goes to the ' +
    "credential helper that docker's config.json names, else into a private file of the store. A create uses it when " +
    'neither flag nor variable gives one; setting it again gives the new value to the machines that were made with it.'
  static override usage = 'secret set DRIVER NAME'
  static override strict = false
  static override args = {
    driver: Args.string({ description: 'Driver', ignoreStdin: true }),
    name: Args.string({ description: "The flag without the driver's name: access-token", ignoreStdin: true }),
  }
  static override examples = [
    '<%= config.bin %> secret set digitalocean access-token',
    'pass show do-token | <%= config.bin %> secret set digitalocean access-token',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(SecretSet)
    const [driver, name, ...more] = words(argv)
    if (!driver || !name) throw this.usage('Error: Expected a driver and the name of a secret')
    if (more.length > 0)
      throw this.usage('A secret is no word of the command line, where others can read it: it is asked for')
    const ctx = this.context(flags)
    const value = await readSecretValue(ctx, `${driver} ${name}: `)
    const reference = await setSecret(ctx, { driver, name }, value)
    this.answer({ driver, name, reference }, '')
    ctx.report({ type: 'info', text: `Kept ${driver} ${name} as ${reference}` })
  }
}
