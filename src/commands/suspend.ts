import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { resolveNames, withMachines } from '../machine/names.js'
import { suspendMachine } from '../machine/suspend.js'

export default class Suspend extends BaseCommand {
  static override summary = 'Keep the memory of machines on disk and end them; start goes on where they were.'
  static override usage = 'suspend [NAME...]'
  static override strict = false
  static override description =
    "Containers go on after start as if nothing had been, except for connections that others have closed meanwhile. Memory is written to the machine's folder (0600: it holds all that is secret in the machine) and removed when the machine runs again. A machine with a shared folder cannot be suspended. stop resumes a suspended machine to end it cleanly; kill, rm and start --cold drop its memory."
  static override args = MACHINE_NAMES
  static override examples = ['<%= config.bin %> suspend web', '<%= config.bin %> suspend web db']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Suspend)
    const ctx = this.context(flags)
    const results = await withMachines(resolveNames(ctx, words(argv)), async (name) => {
      ctx.report({ type: 'info', machine: name, text: `Suspending "${name}"...` })
      await suspendMachine(ctx, name)
      ctx.report({ type: 'info', machine: name, text: `Machine "${name}" was suspended.` })
    })
    this.answer({ machines: results.map(({ name }) => name) }, '')
  }
}
