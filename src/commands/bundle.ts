import { arch, release } from 'node:os'
import { Args, Flags } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { diagnosticTools } from '../cli/diagnostics.js'
import { versionLine } from '../cli/version.js'
import { resolveName } from '../machine/names.js'
import { bundleText, supportBundle } from '../machine/support/bundle.js'
import { refuseExisting, writeNewFile } from '../util/new-file.js'

export default class Bundle extends BaseCommand {
  static override summary =
    'Collect what a bug report about a machine needs in one text file, without secrets.'
  static override usage = 'bundle [-f] [NAME [FILE]]'
  static override strict = false
  static override description =
    'The file (NAME.bundle.txt; - for standard output) has what is recorded of the machine, how this computer and the host are doing, and the last lines of their logs. Tokens, passwords and keys are taken out; addresses and names of machines stay. Read it before you send it. Nothing is changed, and what cannot be read says why.'
  static override args = {
    name: Args.string({ description: 'Machine', ignoreStdin: true }),
    file: Args.string({ description: 'File to write', ignoreStdin: true }),
  }
  static override flags = {
    force: Flags.boolean({ char: 'f', summary: 'Write over a FILE that exists.' }),
  }
  static override examples = [
    '<%= config.bin %> bundle web',
    '<%= config.bin %> bundle web report.txt',
    '<%= config.bin %> bundle web - | less',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Bundle)
    const [given, file, ...more] = words(argv)
    if (more.length > 0) throw this.usage('Expected a machine and the file to write')
    const ctx = this.quietContext(flags)
    const name = resolveName(ctx, given === undefined ? [] : [given])
    const wanted = { file: file ?? `${name}.bundle.txt`, force: flags.force }
    if (file !== '-') refuseExisting(wanted)
    const about = {
      version: versionLine(this.profile),
      node: process.version,
      system: `${process.platform} ${release()} ${arch()}`,
      time: new Date().toISOString(),
    }
    const parts = await supportBundle(ctx, { name, about, outside: diagnosticTools(this.session.env) })
    if (file === '-') return this.answer({ name, parts }, bundleText(parts))
    const path = await writeNewFile(wanted, bundleText(parts))
    this.answer({ name, file: path, parts }, `Written to ${path}. Read it before you send it.`)
  }
}
