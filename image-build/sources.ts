import { mkdir, readdir } from 'node:fs/promises'
import path from 'node:path'
import { openApt, type Apt, type AptOptions } from './apt.js'
import type { Manifest } from './manifest.js'

export interface SourceOptions extends Pick<AptOptions, 'cacheDir' | 'mirror' | 'signal' | 'report'> {
  /** Of the artefact whose sources are wanted. */
  manifest: Pick<Manifest, 'packages' | 'arch' | 'inputs'>
  /** Directory that gets the source packages. */
  out: string
}

/**
 * Downloads the source packages of an artefact (the GPL's corresponding source), as Debian publishes and signs them.
 * A version that the archive no longer has is never replaced by another: after all others were fetched, throws naming those.
 * @returns absolute paths of the files
 */
export async function fetchSources(options: SourceOptions): Promise<readonly string[]> {
  const { manifest, out, mirror, signal, report } = options
  const suite = typeof manifest.inputs['suite'] === 'string' ? { suite: manifest.inputs['suite'] } : {}
  const apt = await openApt({
    cacheDir: options.cacheDir,
    sources: true,
    arch: manifest.arch,
    ...suite,
    ...(mirror ? { mirror } : {}),
    ...(signal ? { signal } : {}),
    ...(report ? { report } : {}),
  })
  await mkdir(out, { recursive: true })
  const lost: string[] = []
  for (const source of sourcesOf(manifest)) {
    report?.(`source of ${source.replace('=', ' ')}`)
    if (!(await fetchSource(apt, source, out))) lost.push(source.replace('=', ' '))
    signal?.throwIfAborted()
  }
  if (lost.length > 0)
    throw new Error(`the archive no longer has the source of ${lost.join(', ')}; the others are in ${out}`)
  return (await readdir(out)).sort().map((name) => path.resolve(out, name))
}

async function fetchSource(apt: Apt, source: string, out: string): Promise<boolean> {
  const argv = ['apt-get', 'source', '-q', '--download-only', '--only-source', source]
  return apt.run(argv, out).then(
    () => true,
    () => false,
  )
}

/** `name=version` of every source package that an artefact was made of, each once, sorted. */
export function sourcesOf(manifest: Pick<Manifest, 'packages'>): string[] {
  return [...new Set(manifest.packages.flatMap((item) => item.sources ?? []))].sort()
}
