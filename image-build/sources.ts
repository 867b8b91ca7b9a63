import { mkdir, readdir } from 'node:fs/promises'
import path from 'node:path'
import { openApt, type Apt, type AptOptions } from './apt.js'
import { BuildCommandError } from './exec.js'
import type { Manifest } from './manifest.js'

export interface SourceOptions extends Pick<AptOptions, 'cacheDir' | 'mirror' | 'signal' | 'report'> {
  /** Of the artefact whose sources are wanted. */
  manifest: Pick<Manifest, 'packages' | 'arch' | 'inputs'>
  /** Directory that gets the source packages. */
  out: string
}

/**
 * Downloads the source packages of an artefact (the GPL's corresponding source), as Debian publishes and signs them.
 * A version that the archive no longer has is never replaced by another: after all others were fetched, throws naming those, with apt's reason.
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
    const name = source.replace('=', ' ')
    report?.(`source of ${name}`)
    const reason = await fetchSource(apt, source, out)
    signal?.throwIfAborted()
    if (reason !== undefined) lost.push(`${name} (${reason})`)
  }
  if (lost.length > 0)
    throw new Error(`the archive does not give the source of ${lost.join(', ')}; the others are in ${out}`)
  return (await readdir(out)).sort().map((name) => path.resolve(out, name))
}

/** Returns why it could not be fetched, in apt's own words, or undefined. */
async function fetchSource(apt: Apt, source: string, out: string): Promise<string | undefined> {
  const argv = ['apt-get', 'source', '-q', '--download-only', '--only-source', source]
  return apt.run(argv, out).then(
    () => undefined,
    (error: unknown) => (error instanceof BuildCommandError ? aptReason(error.stderr) : String(error)),
  )
}

/** The first complaint of apt, without the address that it asked. */
export function aptReason(stderr: string): string {
  const line = /^E: (.*)$/m.exec(stderr)?.[1] ?? 'apt-get failed'
  return line.replace(/^Failed to fetch \S+ +/, '').replace(/ *\[IP: [^\]]*\]/, '')
}

/** `name=version` of every source package that an artefact was made of, each once, sorted. */
export function sourcesOf(manifest: Pick<Manifest, 'packages'>): string[] {
  return [...new Set(manifest.packages.flatMap((item) => item.sources ?? []))].sort()
}
