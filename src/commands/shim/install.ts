import { Args, Flags } from '@oclif/core'
import { words } from '../../cli/args.js'
import { BaseCommand } from '../../cli/base-command.js'
import { type DriverLink, installDriverLink, linkedName } from '../../cli/driver-shim.js'
import { type Installed, installShim, shimDir } from '../../cli/shim.js'

export default class ShimInstall extends BaseCommand {
  static override summary = 'Link the name docker-machine, or that of a driver plugin, to this program.'
  static override description =
    'Without DIR the link goes beside tsmachine, or into the first directory of PATH that you may write to. What was docker-machine before is written down, and moved aside with --force. With --driver the link is a plugin of docker-machine (docs/serving-drivers.md), and docker-machine stays what it is.'
  static override usage = 'shim install [--driver NAME [--as NAME]] [--force] [DIR]'
  static override strict = false
  static override args = { dir: Args.string({ description: 'Directory for the link', ignoreStdin: true }) }
  static override flags = {
    driver: Flags.string({
      char: 'd',
      summary: 'Offer this driver of ours to docker-machine, as docker-machine-driver-ts-NAME.',
      helpValue: 'NAME',
    }),
    as: Flags.string({
      summary: 'Another name for it: --driver qemu --as qemu is docker-machine-driver-qemu.',
      helpValue: 'NAME',
      dependsOn: ['driver'],
    }),
    force: Flags.boolean({ summary: 'Move a program aside that is in the way.' }),
  }
  static override examples = [
    '<%= config.bin %> shim install',
    '<%= config.bin %> shim install ~/bin',
    'sudo <%= config.bin %> shim install --force /usr/local/bin',
    '<%= config.bin %> shim install --driver digitalocean',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(ShimInstall)
    const [dir, ...extra] = words(argv)
    if (extra.length > 0) throw this.usage(`Expected one directory, found also ${extra.join(' ')}`)
    this.takeGlobals(flags)
    if (flags.driver !== undefined) return await this.linkDriver(flags.driver, dir, flags)
    const installed = await installShim(this.session.env, {
      force: flags.force,
      ...(dir === undefined ? {} : { dir }),
    })
    this.answer(installed, lines(installed).join('\n'))
  }

  private async linkDriver(
    driver: string,
    dir: string | undefined,
    { as, force }: { as?: string | undefined; force: boolean },
  ): Promise<void> {
    const { env } = this.session
    const name = await linkedName(driver, as)
    const link = await installDriverLink(env, { dir: shimDir(env, dir), name, force })
    this.answer(link, driverLines(link).join('\n'))
  }
}

function driverLines({ path, target, changed, driver, movedTo, first }: DriverLink): readonly string[] {
  return [
    changed ? `${path} now leads to ${target}` : `${path} leads to ${target} already`,
    ...(movedTo === undefined ? [] : [`What was there before is ${movedTo}`]),
    ...(first === undefined ? ['Its directory is not in PATH: docker-machine will not find it.'] : []),
    ...(first === undefined || first === path ? [] : [`In PATH another one comes first: ${first}`]),
    `docker-machine create --driver ${driver} NAME`,
  ]
}

function lines({ path, target, changed, previous, first, firstIsOurs }: Installed): readonly string[] {
  return [
    changed ? `${path} now leads to ${target}` : `${path} leads to ${target} already`,
    ...(previous ? [`The docker-machine from before is ${previous.path}`] : []),
    ...(first === undefined ? ['Its directory is not in PATH: no shell will find it by its name.'] : []),
    ...(first === undefined || firstIsOurs ? [] : [`In PATH another docker-machine comes first: ${first}`]),
  ]
}
