import { BaseCommand } from '../../cli/base-command.js'
import { listDrivers } from '../../machine/driver-packages.js'
import { renderPackages } from '../../ui/driver-packages.js'

export default class DriverLs extends BaseCommand {
  static override summary = 'List the driver packages of this user, and whether they can be used.'
  static override usage = 'driver ls'
  static override strict = false
  static override examples = ['<%= config.bin %> driver ls', '<%= config.bin %> driver ls --json']

  override async run(): Promise<void> {
    const { flags } = await this.parse(DriverLs)
    const rows = listDrivers(this.context(flags))
    this.answer(rows, renderPackages(rows))
  }
}
