import { Flags } from '@oclif/core'
import { words } from '../../cli/args.js'
import { IMAGE_ID, ImageCommand } from '../../cli/image-command.js'
import { downloadSources } from '../../cli/image-sources.js'

export default class ImageSources extends ImageCommand {
  static override summary = 'Fetch the source packages that an image or bundle was made from (GPL).'
  static override usage = 'image sources [-o DIR] [--mirror URL] ID'
  static override strict = false
  static override args = IMAGE_ID
  static override flags = {
    out: Flags.string({ char: 'o', helpValue: 'DIR', default: 'sources', summary: 'Where to put them.' }),
    mirror: Flags.string({ helpValue: 'URL', summary: "Debian mirror. [default: this computer's own]" }),
  }
  static override examples = ['<%= config.bin %> image sources 3f2a9c --out ./sources']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(ImageSources)
    const [id] = words(argv)
    if (id === undefined) throw this.usage('Which image? See image ls')
    const { report, signal } = this.context(flags)
    const artefact = await this.artefacts().open(id, signal)
    const files = await downloadSources(artefact, {
      env: this.session.env,
      out: flags.out,
      signal,
      report,
      ...(flags.mirror === undefined ? {} : { mirror: flags.mirror }),
    })
    this.answer({ out: flags.out, files }, files.join('\n'))
  }
}
