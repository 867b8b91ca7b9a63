import { Args } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { driverDocument, driverDocuments } from '../cli/driver-document.js'
import { driversOf } from '../cli/session.js'
import { renderDriver, renderDrivers } from '../ui/driver-list.js'

export default class Drivers extends BaseCommand {
  static override summary = 'List drivers, or tell the flags, variables and abilities of one.'
  static override usage = 'drivers [NAME]'
  static override strict = false
  static override args = {
    name: Args.string({ description: 'Driver (default: the list of all)', ignoreStdin: true }),
  }
  static override examples = [
    '<%= config.bin %> drivers',
    '<%= config.bin %> drivers qemu',
    '<%= config.bin %> drivers --json',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Drivers)
    const [name, ...more] = words(argv)
    if (more.length > 0) throw this.usage(`Invalid command line. Found extra arguments [${more.join(' ')}]`)
    this.takeGlobals(flags)
    if (name !== undefined) {
      const driver = await driverDocument(driversOf(this.session), name)
      return this.answer(driver, renderDriver(driver))
    }
    const drivers = await driverDocuments(driversOf(this.session))
    this.answer(drivers, renderDrivers(drivers))
  }
}
