import type { BootImageFiles } from '../contracts/driver.js'
import { isMachineError } from '../contracts/errors.js'
import type { Report } from '../contracts/events.js'
import type { Artefact } from '../contracts/image.js'
import type { Artefacts } from '../machine/context.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Images and bundles, loaded when a verb first asks for one: most verbs never do. */
export function lazyArtefacts(env: Environment, report: Report): Artefacts {
  const resolve = async (kind: 'image' | 'engine', arch: string, signal: AbortSignal) => {
    const { artefactStore } = await import('./artefact-store.js')
    return await artefactStore(env).resolve(kind, { arch, signal, report })
  }
  return {
    bootImage: async (arch, signal) => bootFiles(await resolve('image', arch, signal)),
    async storedImage(digest, signal) {
      const { artefactStore } = await import('./artefact-store.js')
      try {
        return bootFiles(await artefactStore(env).open(digest, signal))
      } catch (error) {
        if (isMachineError(error) && error.code === 'image') return undefined
        throw error
      }
    },
    async engineBundle(arch, signal) {
      const { dir, version } = await resolve('engine', arch, signal)
      return { dir, version }
    },
  }
}

function bootFiles({ id, version, dir, files }: Artefact): BootImageFiles {
  const file = (name: string): string => `${dir}/${name}`
  return {
    digest: id,
    version,
    kernel: file('kernel'),
    ...(files['vmlinux'] === undefined ? {} : { plainKernel: files['vmlinux'] }),
    initramfs: file('initramfs'),
    engine: file('engine.squashfs'),
  }
}
