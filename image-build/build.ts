import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { openApt, type Apt } from './apt.js'
import { checkBudget } from './budget.js'
import { buildEngineBundle } from './engine-bundle.js'
import { buildImage } from './image.js'
import { writeManifest, type Manifest } from './manifest.js'
import { assetsDir } from './paths.js'

/** `image`: kernel, initramfs and engine image. `engine`: the bundle for hosts that are not ours. */
export type ArtefactKind = 'image' | 'engine'

export interface BuildOptions {
  what: readonly ArtefactKind[]
  /** Gets `image/` and `engine/`; an earlier build there is replaced when the new one is complete. */
  out: string
  /** Package lists and downloaded packages, kept between builds. */
  cacheDir: string
  /** `URL` or `URL,SECURITY_URL`; this computer's own Debian mirror by default. */
  mirror?: string
  /** Spends minutes to make the files small. */
  release?: boolean
  suite?: string
  signal?: AbortSignal
  /** Other package, module and guest files than ours, for tests. */
  assets?: string
  report: (line: string) => void
}

export interface BuiltArtefact {
  kind: ArtefactKind
  dir: string
  manifest: Manifest
}

export interface BuildResult {
  artefacts: BuiltArtefact[]
}

const ARCH = 'amd64'

/** Builds what was asked for. Throws, leaving earlier builds as they were, when anything is missing or does not run. */
export async function build(options: BuildOptions): Promise<BuildResult> {
  const { cacheDir, suite = 'trixie', mirror, signal, report } = options
  const apt = await openApt({
    cacheDir,
    suite,
    arch: ARCH,
    report,
    ...(mirror ? { mirror } : {}),
    ...(signal ? { signal } : {}),
  })
  await mkdir(options.out, { recursive: true })
  const artefacts: BuiltArtefact[] = []
  for (const kind of options.what) artefacts.push(await buildOne(kind, apt, options))
  return { artefacts }
}

async function buildOne(kind: ArtefactKind, apt: Apt, options: BuildOptions): Promise<BuiltArtefact> {
  const release = options.release ?? false
  const dir = path.join(options.out, kind)
  const work = await mkdtemp(path.join(options.out, `.${kind}-`))
  try {
    const common = {
      apt,
      out: work,
      release,
      report: options.report,
      ...(options.signal ? { signal: options.signal } : {}),
    }
    const assets = options.assets ?? assetsDir()
    const made = await (kind === 'image' ? buildImage : buildEngineBundle)({ ...common, assets })
    const { version, engineVersion, debs, files, sourceDateEpoch } = made
    const inputs = { suite: apt.suite, release }
    const described = { kind, arch: apt.arch, version, engineVersion, debs, files, sourceDateEpoch, inputs }
    const manifest = await writeManifest(work, described)
    if (release) checkBudget(manifest.files)
    await rm(dir, { recursive: true, force: true })
    // A scratch folder is its builder's alone; an artefact is nobody's secret.
    await chmod(work, 0o755)
    await rename(work, dir)
    return { kind, dir, manifest }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
