import { Args, Flags } from '@oclif/core'
import { words } from '../../cli/args.js'
import { ImageCommand } from '../../cli/image-command.js'
import { ARTEFACT_KINDS, type Artefact, type ArtefactKind } from '../../contracts/image.js'

export default class ImageBuild extends ImageCommand {
  static override summary = 'Build the boot image and the engine bundle from Debian packages.'
  static override usage = 'image build [--mirror URL] [--release] [image|engine]'
  static override strict = false
  static override args = {
    kind: Args.string({ description: 'image or engine (default: both)', ignoreStdin: true }),
  }
  static override flags = {
    mirror: Flags.string({
      helpValue: 'URL',
      summary: "Debian mirror to take packages from. [default: this computer's own]",
    }),
    release: Flags.boolean({ summary: 'Spend minutes to make the files small.' }),
  }
  static override examples = [
    '<%= config.bin %> image build',
    '<%= config.bin %> image build engine',
    '<%= config.bin %> image build --release',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(ImageBuild)
    const kinds = this.kinds(words(argv))
    const { report, signal } = this.context(flags)
    const store = this.artefacts({ mirror: flags.mirror, release: flags.release })
    const built: Artefact[] = []
    for (const kind of kinds) {
      report({ type: 'stage', machine: 'image', stage: kind, state: 'start', text: `Building the ${kind}` })
      built.push(await store.build(kind, { signal, report }))
      report({ type: 'stage', machine: 'image', stage: kind, state: 'done', text: `Building the ${kind}` })
    }
    const results = built.map(({ kind, id, version, dir }) => ({ kind, id, version, dir }))
    this.answer(results, results.map(({ kind, version, dir }) => `${kind} ${version} ${dir}`).join('\n'))
  }

  private kinds(given: readonly string[]): readonly ArtefactKind[] {
    if (given.length === 0) return ARTEFACT_KINDS
    const wrong = given.find((word) => !ARTEFACT_KINDS.some((kind) => kind === word))
    if (wrong !== undefined) throw this.usage(`There is nothing called "${wrong}" to build: image or engine`)
    return ARTEFACT_KINDS.filter((kind) => given.includes(kind))
  }
}
