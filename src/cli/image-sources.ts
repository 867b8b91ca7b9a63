import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MachineError, messageOf } from '../contracts/errors.js'
import type { Report } from '../contracts/events.js'
import type { Artefact } from '../contracts/image.js'
import { cachePath } from '../util/paths.js'

export interface SourcesRequest {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: string
  readonly mirror?: string
  readonly signal: AbortSignal
  readonly report: Report
}

/** Fetches the Debian source packages of an artefact. @returns paths of the files */
export async function downloadSources(
  artefact: Artefact,
  request: SourcesRequest,
): Promise<readonly string[]> {
  const { fetchSources } = await import('../../image-build/sources.js')
  // The file itself: it names the source of each package, which nothing but this needs.
  const text = await readFile(join(artefact.dir, 'manifest.json'), 'utf8')
  try {
    return await fetchSources({
      manifest: JSON.parse(text) as Parameters<typeof fetchSources>[0]['manifest'],
      out: request.out,
      cacheDir: cachePath(request.env),
      ...(request.mirror === undefined ? {} : { mirror: request.mirror }),
      signal: request.signal,
      report: (text: string) => request.report({ type: 'progress', text }),
    })
  } catch (cause) {
    request.signal.throwIfAborted()
    throw new MachineError('image', `Could not fetch the sources: ${messageOf(cause)}`, { cause })
  }
}
