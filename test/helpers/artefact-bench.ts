import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Clock } from '../../src/contracts/clock.js'
import type { MachineError } from '../../src/contracts/errors.js'
import type { ReportEvent } from '../../src/contracts/events.js'
import type { ArtefactBuilder, ArtefactKind, BuildRequest } from '../../src/contracts/image.js'
import { ArtefactStore, type ArtefactStoreOptions } from '../../src/images/artefact-store.js'
import { systemClock } from '../../src/util/clock.js'
import { writeArtefact } from './artefact.js'

/** One test's cache and package folder, and what was told. */
export interface Bench {
  cacheDir: string
  packageRoot: string
  told: ReportEvent[]
  options: { signal: AbortSignal; report: (event: ReportEvent) => void }
  store: (extra?: Partial<ArtefactStoreOptions>) => ArtefactStore
}

/** A clock whose wall time moves a second per look, so that entries have an order. */
function ticking(): Clock {
  let seconds = 1_790_000_000
  return { ...systemClock, now: () => new Date(seconds++ * 1000) }
}

/** An empty cache, no optional packages. */
export function bench(test: Test): Bench {
  const dir = test.testdir()
  const packageRoot = join(dir, 'app', 'node_modules', 'tsmachine')
  const cacheDir = join(dir, 'cache')
  mkdirSync(packageRoot, { recursive: true })
  writeFileSync(join(packageRoot, 'package.json'), '{"name":"tsmachine"}')
  const told: ReportEvent[] = []
  const clock = ticking()
  return {
    cacheDir,
    packageRoot,
    told,
    options: { signal: new AbortController().signal, report: (event) => told.push(event) },
    store: (extra) => new ArtefactStore({ cacheDir, packageRoot, clock, ...extra }),
  }
}

/** A builder that counts and writes an artefact with its count as salt. */
export function builder(pauseMs = 0): ArtefactBuilder & { requests: BuildRequest[] } {
  const requests: BuildRequest[] = []
  return {
    requests,
    unavailable: async () => undefined,
    build: async (request) => {
      requests.push(request)
      await systemClock.sleep(pauseMs)
      const dir = join(request.out, request.kind)
      writeArtefact(dir, request.kind, `built ${requests.length}`)
      return dir
    },
  }
}

/** Puts an optional package beside ours; returns its artefact's digest. */
export function installPackage(packageRoot: string, kind: ArtefactKind, salt = 'packaged'): string {
  const dir = join(packageRoot, '..', `tsmachine-${kind}-amd64`)
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'package.json'), `{"name":"tsmachine-${kind}-amd64","version":"1.0.0"}`)
  return writeArtefact(join(dir, 'artefact'), kind, salt)
}

/** The error that `work` must end with. */
export async function refusal(work: Promise<unknown>): Promise<MachineError> {
  return await work.then(
    () => {
      throw new Error('it was not refused')
    },
    (error: unknown) => error as MachineError,
  )
}

/** Dot names in a directory: leftovers. */
export function hidden(dir: string): string[] {
  return readdirSync(dir).filter((name) => name.startsWith('.'))
}
