import { Flags } from '@oclif/core'
import { words } from '../../cli/args.js'
import { IMAGE_ID, ImageCommand } from '../../cli/image-command.js'
import { MachineError } from '../../contracts/errors.js'
import { machinesOfImage } from '../../machine/image.js'

export default class ImageRm extends ImageCommand {
  static override summary = 'Remove images and bundles from the cache of this user.'
  static override usage = 'image rm [-f] ID...'
  static override strict = false
  static override description =
    'An image that a machine of this store starts from is kept: upgrade the machine first.'
  static override args = IMAGE_ID
  static override flags = {
    force: Flags.boolean({
      char: 'f',
      summary: 'Also remove what machines start from; they then start from the one that new machines get.',
    }),
  }
  static override examples = ['<%= config.bin %> image rm 3f2a9c']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(ImageRm)
    const ids = words(argv)
    if (ids.length === 0) throw this.usage('Which image? See image ls')
    const { store: machines, drivers, driverDeps } = this.context(flags)
    const driver = await drivers.load(this.profile.defaultDriver)
    const store = this.artefacts()
    const found = []
    for (const id of ids) found.push(await store.inspect(id))
    for (const { id } of flags.force ? [] : found) refuseUsed(id, machinesOfImage(machines, id))
    for (const { id } of found) {
      await driver.forgetImage?.(driverDeps, id)
      await store.remove(id)
    }
    const removed = found.map(({ id }) => id)
    this.answer({ removed }, removed.map((id) => `Removed ${id.slice(0, 12)}`).join('\n'))
  }
}

function refuseUsed(id: string, names: readonly string[]): void {
  if (names.length === 0) return
  const short = id.slice(0, 12)
  throw new MachineError('image', `${short} is the boot image of ${names.join(', ')}`, {
    hints: [`tsmachine upgrade ${names.join(' ')}`, `or all the same: tsmachine image rm -f ${short}`],
  })
}
