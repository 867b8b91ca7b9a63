/** Artefacts: the boot image that VMs start from and the engine bundle that other hosts get. Plain JSON. */
import type { Report } from './events.js'
import type { JsonObject } from './json.js'

export const ARTEFACT_KINDS = ['image', 'engine'] as const
/** `image`: kernel, initramfs and engine image. `engine`: the relocatable engine bundle. */
export type ArtefactKind = (typeof ARTEFACT_KINDS)[number]

/** One file of an artefact; size in bytes. */
export interface ManifestFile {
  readonly name: string
  readonly size: number
  readonly sha256: string
}

/** One Debian package that an artefact was made from. */
export interface ManifestPackage {
  readonly name: string
  readonly version: string
  readonly sha256: string
  readonly arch: string
}

/** `manifest.json` of an artefact (docs/boot-image.md). */
export interface Manifest {
  readonly schema: 1
  readonly kind: ArtefactKind
  /** Debian's word: `amd64`. */
  readonly arch: string
  readonly version: string
  readonly engineVersion: string
  /** SHA-256 over the sorted `sha256  name` lines of `files`; names the artefact. */
  readonly digest: string
  readonly packages: readonly ManifestPackage[]
  readonly files: readonly ManifestFile[]
  readonly inputs: JsonObject
  /** Seconds since 1970. */
  readonly sourceDateEpoch: number
}

/** Where an artefact in the cache came from. */
export type ArtefactSource = 'built' | 'package' | 'url' | 'import'

/** An artefact that is on this computer, complete and checked. */
export interface Artefact {
  readonly kind: ArtefactKind
  readonly arch: string
  /** Its digest. */
  readonly id: string
  readonly version: string
  readonly dir: string
  readonly manifest: Manifest
  /** Absolute path of each file by its name. */
  readonly files: Readonly<Record<string, string>>
}

/** One row of `image ls`; `error` says what is wrong with an entry that cannot be used. */
export interface ListedArtefact {
  readonly id: string
  readonly kind?: ArtefactKind
  readonly arch?: string
  readonly version?: string
  readonly sizeBytes: number
  readonly source?: ArtefactSource
  /** ISO 8601: when it came into the cache. */
  readonly since?: string
  /** True for the one that new machines get. */
  readonly current: boolean
  readonly dir: string
  readonly error?: string
}

/** How long work on artefacts is watched, stopped and told about. */
export interface ArtefactOptions {
  readonly arch?: string
  readonly signal: AbortSignal
  readonly report: Report
}

/** What a builder is asked for. `out` is an empty directory that it may fill as it likes. */
export interface BuildRequest {
  readonly kind: ArtefactKind
  readonly arch: string
  readonly out: string
  readonly signal: AbortSignal
  readonly report: Report
}

/** Builds artefacts on this computer. Injected, because the program that builds imports nothing of ours. */
export interface ArtefactBuilder {
  /** Why nothing can be built here (no apt), or undefined when it can. */
  unavailable(): Promise<string | undefined>
  /** Returns the directory below `out` that holds `manifest.json`. */
  build(request: BuildRequest): Promise<string>
}

/** An artefact whose hash our own package vouches for: what `TSMACHINE_IMAGE_URL` may deliver. */
export interface ArtefactPin {
  /** File name below the URL. */
  readonly file: string
  readonly digest: string
}
