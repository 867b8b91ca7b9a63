import type { ArtefactBuilder } from '../contracts/image.js'
import { MachineError, messageOf } from '../contracts/errors.js'
import { ArtefactStore } from '../images/artefact-store.js'
import { findProgram } from '../util/exec.js'
import { cachePath, packageRoot } from '../util/paths.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Choices of a build that the `image build` command has flags for. */
export interface BuildChoices {
  readonly mirror?: string | undefined
  readonly release?: boolean
}

/** The user's artefacts, with the builder of `image-build/` injected: that program imports nothing of ours. */
export function artefactStore(env: Environment, choices: BuildChoices = {}): ArtefactStore {
  return new ArtefactStore({
    cacheDir: cachePath(env),
    packageRoot: packageRoot(),
    imageUrl: env['TSMACHINE_IMAGE_URL'] || undefined,
    builder: builder(env, choices),
  })
}

function builder(env: Environment, choices: BuildChoices): ArtefactBuilder {
  return {
    unavailable() {
      const missing = ['apt-get', 'dpkg-deb'].find((program) => findProgram(program, env) === undefined)
      return Promise.resolve(missing && `${missing} is not on this computer`)
    },
    async build({ kind, out, signal, report }) {
      const { build } = await import('../../image-build/build.js')
      try {
        const { artefacts } = await build({
          what: [kind],
          out,
          cacheDir: cachePath(env),
          ...(choices.mirror ? { mirror: choices.mirror } : {}),
          ...(choices.release ? { release: true } : {}),
          signal,
          report: (line) => report({ type: 'progress', text: line }),
        })
        const made = artefacts.find((artefact) => artefact.kind === kind)
        if (made) return made.dir
      } catch (cause) {
        signal.throwIfAborted()
        throw new MachineError('image', `The build of the ${kind} failed: ${messageOf(cause)}`, {
          cause,
          hints: [
            'tsmachine image build --debug',
            'Another Debian mirror: tsmachine image build --mirror URL',
          ],
        })
      }
      throw new MachineError('image', `The build of the ${kind} gave nothing`)
    },
  }
}
