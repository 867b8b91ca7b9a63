import type { BootImageFiles } from '../contracts/driver.js'
import type { Report } from '../contracts/events.js'
import type { Artefacts } from '../machine/context.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Images and bundles, loaded when a verb first asks for one: most verbs never do. */
export function lazyArtefacts(env: Environment, report: Report): Artefacts {
  const resolve = async (kind: 'image' | 'engine', arch: string, signal: AbortSignal) => {
    const { artefactStore } = await import('./artefact-store.js')
    return await artefactStore(env).resolve(kind, { arch, signal, report })
  }
  return {
    async bootImage(arch, signal): Promise<BootImageFiles> {
      const { id, version, dir } = await resolve('image', arch, signal)
      const file = (name: string): string => `${dir}/${name}`
      return {
        digest: id,
        version,
        kernel: file('kernel'),
        initramfs: file('initramfs'),
        engine: file('engine.squashfs'),
      }
    },
    async engineBundle(arch, signal) {
      const { dir, version } = await resolve('engine', arch, signal)
      return { dir, version }
    },
  }
}
