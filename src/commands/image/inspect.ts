import { words } from '../../cli/args.js'
import { IMAGE_ID, ImageCommand } from '../../cli/image-command.js'

export default class ImageInspect extends ImageCommand {
  static override summary = 'Print the manifest of an image or bundle: packages, files, hashes, build inputs.'
  static override usage = 'image inspect ID'
  static override strict = false
  static override args = IMAGE_ID
  static override examples = ['<%= config.bin %> image inspect 3f2a9c']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(ImageInspect)
    const [id] = words(argv)
    if (id === undefined) throw this.usage('Which image? See image ls')
    this.takeGlobals(flags)
    const store = this.artefacts()
    const { dir, manifest } = await store.open(id, this.session.signal)
    const entry = await store.inspect(id)
    const document = { ...entry, dir, manifest }
    this.answer(document, JSON.stringify(document, undefined, 2))
  }
}
