import { MACHINE_NAME, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { packageVersion, versionLine } from '../cli/version.js'
import { machineVersion } from '../machine/engine-version.js'
import { resolveName } from '../machine/names.js'

export default class Version extends BaseCommand {
  static override summary = "Print this program's version, or the version of a machine's engine."
  static override usage = 'version [NAME]'
  static override strict = false
  static override args = MACHINE_NAME
  static override examples = ['<%= config.bin %> version', '<%= config.bin %> version web']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Version)
    const names = words(argv)
    const ctx = this.quietContext(flags)
    if (names.length === 0) return this.answer({ version: packageVersion() }, versionLine(this.profile))
    const name = resolveName(ctx, names)
    const version = await machineVersion(ctx, name)
    this.answer({ name, version }, version)
  }
}
