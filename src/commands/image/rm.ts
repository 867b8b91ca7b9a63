import { words } from '../../cli/args.js'
import { IMAGE_ID, ImageCommand } from '../../cli/image-command.js'

export default class ImageRm extends ImageCommand {
  static override summary = 'Remove images and bundles from the cache of this user.'
  static override usage = 'image rm ID...'
  static override strict = false
  static override args = IMAGE_ID
  static override examples = ['<%= config.bin %> image rm 3f2a9c']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(ImageRm)
    const ids = words(argv)
    if (ids.length === 0) throw this.usage('Which image? See image ls')
    this.takeGlobals(flags)
    const store = this.artefacts()
    const removed: string[] = []
    for (const id of ids) removed.push((await store.remove(id)).id)
    this.answer({ removed }, removed.map((id) => `Removed ${id.slice(0, 12)}`).join('\n'))
  }
}
