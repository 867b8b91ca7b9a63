import { Args, Flags } from '@oclif/core'
import { words } from '../../cli/args.js'
import { ImageCommand } from '../../cli/image-command.js'

export default class ImageImport extends ImageCommand {
  static override summary =
    'Take in an image or bundle from a directory, an archive or a URL, after checking every hash.'
  static override usage = 'image import [--sha256 HEX] FILE|DIR|URL'
  static override strict = false
  static override args = {
    source: Args.string({
      description: 'Directory, .tar, .tar.gz, .tar.zst, .tgz or URL',
      ignoreStdin: true,
    }),
  }
  static override flags = {
    sha256: Flags.string({ helpValue: 'HEX', summary: 'SHA-256 that a downloaded file must have.' }),
  }
  static override examples = [
    '<%= config.bin %> image import tsmachine-image-amd64-0.1.0.tgz',
    '<%= config.bin %> image import --sha256 3f2a... https://example.net/image.tar.zst',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(ImageImport)
    const [source] = words(argv)
    if (source === undefined) throw this.usage('What is to be imported? Give a file, a directory or a URL')
    const { report, signal } = this.context(flags)
    const { kind, id, version, dir } = await this.artefacts().import(source, {
      signal,
      report,
      ...(flags.sha256 === undefined ? {} : { sha256: flags.sha256 }),
    })
    this.answer({ kind, id, version, dir }, `${kind} ${version} ${dir}`)
  }
}
