import type { Report } from '../contracts/events.js'
import type { Manifest } from '../contracts/image.js'
import { cachePath } from '../util/paths.js'

export interface SourcesRequest {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: string
  readonly mirror?: string
  readonly signal: AbortSignal
  readonly report: Report
}

interface SourcesModule {
  readonly fetchSources: (options: object) => Promise<readonly string[]>
}

/** Fetches the Debian source packages of an artefact. @returns paths of the files */
export async function downloadSources(
  manifest: Manifest,
  request: SourcesRequest,
): Promise<readonly string[]> {
  const path = '../../image-build/sources.js'
  const module = (await import(path)) as SourcesModule
  return await module.fetchSources({
    manifest,
    out: request.out,
    cacheDir: cachePath(request.env),
    ...(request.mirror === undefined ? {} : { mirror: request.mirror }),
    signal: request.signal,
    report: (text: string) => request.report({ type: 'progress', text }),
  })
}
