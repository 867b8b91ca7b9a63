import { Flags } from '@oclif/core'
import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { askLine, isYes } from '../cli/confirm.js'
import { MachineError } from '../contracts/errors.js'
import type { MachineContext } from '../machine/context.js'
import { resolveNames, withMachines } from '../machine/names.js'
import { renewClientCertificate } from '../machine/renew-client.js'
import { renewNow } from '../machine/renew-now.js'

const QUESTION = 'Regenerate TLS machine certs?  Warning: this is irreversible. (y/n): '

export default class RegenerateCerts extends BaseCommand {
  static override summary = 'Make and install new TLS certificates.'
  static override usage = 'regenerate-certs [FLAGS] [NAME...]'
  static override strict = false
  static override description =
    'Nothing is installed but certificates. The engine restarts, its containers keep running.'
  static override args = MACHINE_NAMES
  static override flags = {
    force: Flags.boolean({
      char: 'f',
      summary: 'Do not ask; also restart an engine that is in a swarm, whose tasks then restart.',
    }),
    'client-certs': Flags.boolean({
      summary: "Also make a new client certificate (and CA, if it has expired) for the store's machines.",
    }),
    ca: Flags.boolean({
      summary:
        "Also make a new CA: the store's other machines go on with the old one until they are renewed.",
    }),
  }
  static override examples = [
    '<%= config.bin %> regenerate-certs web',
    '<%= config.bin %> regenerate-certs -f --client-certs web db',
    '<%= config.bin %> regenerate-certs -f --ca $(<%= config.bin %> ls -q)',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(RegenerateCerts)
    const ctx = this.context(flags)
    const names = resolveNames(ctx, words(argv))
    if (!flags.force && !(await this.agreed(ctx, flags.json === true)))
      return this.answer({ machines: [] }, '')
    ctx.report({ type: 'info', text: 'Regenerating TLS certificates' })
    if (flags['client-certs'] || flags.ca) {
      ctx.report({ type: 'info', text: 'Regenerating local certificates' })
      await renewClientCertificate(ctx, names, { freshCa: flags.ca })
    }
    const results = await withMachines(names, (name) => renewNow(ctx, name, flags.force))
    this.answer({ machines: results.map(({ name }) => name) }, '')
  }

  /** Typed or piped; docker-machine tells the end of input from a no. */
  private async agreed(ctx: MachineContext, json: boolean): Promise<boolean> {
    const { progress, program } = this.profile
    const toStdout = progress === 'stdout' && !json
    const answer = await askLine(QUESTION, ctx.signal, toStdout ? process.stdout : process.stderr)
    if (answer !== undefined) return isYes(answer)
    if (program === 'docker-machine') throw new MachineError('usage', 'EOF')
    throw this.usage('There was no answer: nothing was changed', 'Say it with the command: -f')
  }
}
