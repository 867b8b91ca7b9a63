import { ImageCommand, renderArtefacts } from '../../cli/image-command.js'

export default class ImageLs extends ImageCommand {
  static override summary = 'List the boot images and engine bundles of this user.'
  static override usage = 'image ls'
  static override strict = false
  static override examples = ['<%= config.bin %> image ls', '<%= config.bin %> image ls --json']

  override async run(): Promise<void> {
    const { flags } = await this.parse(ImageLs)
    this.takeGlobals(flags)
    const rows = await this.artefacts().list()
    this.answer(rows, renderArtefacts(rows))
  }
}
