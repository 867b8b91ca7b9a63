import { words } from '../../cli/args.js'
import { billOfMaterials, IMAGE_ID, ImageCommand } from '../../cli/image-command.js'

export default class ImageSbom extends ImageCommand {
  static override summary = 'Print the bill of materials of an image or bundle (CycloneDX 1.6).'
  static override usage = 'image sbom ID'
  static override strict = false
  static override args = IMAGE_ID
  static override examples = ['<%= config.bin %> image sbom 3f2a9c >image.cdx.json']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(ImageSbom)
    const [id] = words(argv)
    if (id === undefined) throw this.usage('Which image? See image ls')
    this.takeGlobals(flags)
    const document = billOfMaterials(await this.artefacts().open(id, this.session.signal))
    this.answer(document, JSON.stringify(document, undefined, 2))
  }
}
