import { Args, Flags } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { changeForward, listForwards, parseForward } from '../machine/forward.js'
import { resolveName } from '../machine/names.js'
import { renderForwards } from '../ui/forwards.js'

export default class Forward extends BaseCommand {
  static override summary = 'List the forwarded ports of a machine, or add or remove one by hand.'
  static override usage = 'forward [NAME] [PORT|HOSTPORT:PORT]'
  static override strict = false
  static override description =
    'Ports that containers publish are forwarded by themselves. A forward added by hand is made again at each start until it is removed.'
  static override args = {
    name: Args.string({ description: 'Machine (default: the one called "default")', ignoreStdin: true }),
    port: Args.string({ description: 'PORT, or HOSTPORT:PORT; /udp after it for UDP', ignoreStdin: true }),
  }
  static override flags = {
    remove: Flags.boolean({ summary: 'Take back a forward that was added by hand.' }),
  }
  static override examples = [
    '<%= config.bin %> forward web',
    '<%= config.bin %> forward web 8080:80',
    '<%= config.bin %> forward web 5353:53/udp',
    '<%= config.bin %> forward --remove web 8080:80',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Forward)
    const [name, port, ...extra] = words(argv)
    if (extra.length > 0) throw this.usage(`Expected one machine and one port, found also ${extra.join(' ')}`)
    if (flags.remove && port === undefined) throw this.usage('--remove wants a machine and a port')
    const request = port === undefined ? undefined : parseForward(port)
    const ctx = this.context(flags)
    const machine = resolveName(ctx, name === undefined ? [] : [name])
    if (request) {
      await changeForward(ctx, machine, flags.remove ? 'remove' : 'add', request)
      const text = `127.0.0.1:${request.hostPort} -> ${machine}:${request.guestPort}/${request.protocol}`
      return this.answer(request, flags.remove ? `Removed: ${text}` : text)
    }
    const forwards = await listForwards(ctx, machine)
    this.answer(forwards, renderForwards(forwards))
  }
}
