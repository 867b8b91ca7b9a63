import { Args, Flags } from '@oclif/core'
import { words } from '../../cli/args.js'
import { BaseCommand } from '../../cli/base-command.js'
import { ExitStatus } from '../../cli/failure.js'
import { handOver } from '../../cli/hand-over.js'
import { servePlugin } from '../../cli/serve-plugin.js'

export default class DriverServe extends BaseCommand {
  static override summary = "Be a driver plugin of docker-machine's, for tools that use its plugins."
  static override description =
    'Such a tool starts it by the link that shim install --driver makes, and talks to it on 127.0.0.1; it ends with the tool.'
  static override usage = 'driver serve NAME'
  static override strict = false
  static override args = { driver: Args.string({ description: 'One of our drivers', ignoreStdin: true }) }
  static override flags = {
    as: Flags.string({ summary: 'Name by which the tool knows it (default: ts-NAME).', helpValue: 'NAME' }),
    'hand-over': Flags.string({
      hidden: true,
      summary: 'Run the old docker-machine in our place, as its plugin NAME.',
      helpValue: 'NAME',
    }),
  }
  static override examples = ['MACHINE_PLUGIN_TOKEN=42 <%= config.bin %> driver serve digitalocean']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(DriverServe)
    if (flags['hand-over'] !== undefined)
      throw new ExitStatus(await handOver(this.session, flags['hand-over'], process.argv.slice(2)))
    const [driver, ...extra] = words(argv)
    if (driver === undefined || extra.length > 0) throw this.usage('Expected the name of one driver')
    const globals = this.takeGlobals(flags)
    const request = { driver, ...(flags.as === undefined ? {} : { as: flags.as }) }
    throw new ExitStatus(await servePlugin(this.session, globals, request))
  }
}
