import { join, resolve } from 'node:path'
import { Args } from '@oclif/core'
import { words } from '../../cli/args.js'
import { BaseCommand } from '../../cli/base-command.js'
import { newDriver } from '../../machine/driver-packages.js'

export default class DriverNew extends BaseCommand {
  static override summary = 'Begin a driver package: a small, complete driver with its contract test.'
  static override usage = 'driver new NAME [FOLDER]'
  static override strict = false
  static override args = {
    driver: Args.string({ description: 'What --driver will be given', ignoreStdin: true }),
    folder: Args.string({ description: 'Where (default: tsmachine-driver-NAME)', ignoreStdin: true }),
  }
  static override examples = ['<%= config.bin %> driver new acme']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(DriverNew)
    const [name, folder = `tsmachine-driver-${name ?? ''}`, ...more] = words(argv)
    if (!name || more.length > 0) throw this.usage('Error: Expected the name of a driver')
    this.takeGlobals(flags)
    const dir = resolve(folder)
    const files = await newDriver(name, dir)
    const text = [
      ...files.map((file) => join(folder, file)),
      '',
      `Next: cd ${folder} && npm install && npm test`,
    ]
    this.answer({ name, dir, files }, text.join('\n'))
  }
}
