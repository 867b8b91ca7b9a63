import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { ArtefactKind, ArtefactPin } from '../contracts/image.js'
import { MANIFEST } from './manifest.js'

/** Folder inside the optional npm package that holds the artefact. */
const PACKAGE_DIR = 'artefact'

/** Name of the npm package that carries an artefact: `tsmachine-image-amd64`. */
export function packageName(kind: ArtefactKind, arch: string): string {
  return `tsmachine-${kind}-${arch}`
}

/**
 * The artefact in an npm package installed beside ours. The folder where the command runs is deliberately not
 * searched: a foreign project's node_modules must not decide what runs as root on the user's hosts.
 */
export function findInPackages(kind: ArtefactKind, arch: string, packageRoot: string): string | undefined {
  try {
    const require = createRequire(join(packageRoot, 'package.json'))
    const dir = join(dirname(require.resolve(`${packageName(kind, arch)}/package.json`)), PACKAGE_DIR)
    return existsSync(join(dir, MANIFEST)) ? dir : undefined
  } catch {
    return undefined
  }
}

/** What our package.json (`tsmachine.artefacts`) vouches for; undefined when it was released without artefacts. */
export function readPin(kind: ArtefactKind, arch: string, packageRoot: string): ArtefactPin | undefined {
  try {
    const own: unknown = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
    const pins = (own as { tsmachine?: { artefacts?: Record<string, ArtefactPin> } }).tsmachine?.artefacts
    const pin = pins?.[`${kind}-${arch}`]
    return typeof pin?.file === 'string' && /^[0-9a-f]{64}$/.test(pin.digest) ? pin : undefined
  } catch {
    return undefined
  }
}
