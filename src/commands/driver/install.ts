import { Args } from '@oclif/core'
import { words } from '../../cli/args.js'
import { BaseCommand } from '../../cli/base-command.js'
import { installDriver } from '../../machine/driver-packages.js'
import { installedText } from '../../ui/driver-packages.js'

export default class DriverInstall extends BaseCommand {
  static override summary = 'Install a driver from an npm package, for this user.'
  static override description =
    'Your own npm fetches it, with your registries and credentials, and runs no script of any package. A driver runs in a ' +
    'process of its own, as you: it is given its own settings and secrets and nothing else of the environment, but it can ' +
    'do what you can. A name that is installed already is replaced.'
  static override usage = 'driver install PACKAGE[@VERSION] | TARBALL | FOLDER'
  static override strict = false
  static override args = {
    package: Args.string({
      description: 'tsmachine-driver-NAME, its tarball or its folder (PATH)',
      ignoreStdin: true,
    }),
  }
  static override examples = [
    '<%= config.bin %> driver install tsmachine-driver-acme',
    '<%= config.bin %> driver install @example/tsmachine-driver-acme@1.2.0',
    '<%= config.bin %> driver install ./tsmachine-driver-acme',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(DriverInstall)
    const [word, ...more] = words(argv)
    if (!word || more.length > 0) throw this.usage('Error: Expected one package')
    const ctx = this.context(flags)
    const { driver, previous } = await installDriver(ctx, word)
    const { name, packageName, version, integrity, contract } = driver
    const result = { name, package: packageName, version, integrity, contract }
    const replaced = previous === undefined ? {} : { previous: previous.version }
    this.answer({ ...result, ...replaced }, installedText(result, previous?.version))
  }
}
