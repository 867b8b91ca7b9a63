import { existsSync } from 'node:fs'
import path from 'node:path'
import { fetchPackages, unpack, type Apt, type Deb } from './apt.js'

/** Packages of the programs that pack the image; they come from the archive too, so every builder packs alike. */
const TOOL_PACKAGES = ['squashfs-tools', 'xz-utils', 'zstd'] as const

const LOADER = 'usr/lib64/ld-linux-x86-64.so.2'
const LIBRARIES = 'usr/lib/x86_64-linux-gnu'

/** The start of an argv that runs `program` from the unpacked tools. */
export type Tool = (program: string) => string[]

/** Fetches and unpacks the packing programs into `dir`. Nothing is installed on the build host. */
export async function openTools(apt: Apt, dir: string): Promise<{ tool: Tool; debs: Deb[] }> {
  const debs = await fetchPackages(apt, TOOL_PACKAGES, { libraries: true })
  await unpack(debs, dir)
  return { tool: (program) => throughLoader(dir, programOf(dir, program)), debs }
}

/** The argv that starts an ELF file with the loader and libraries of the unpacked tree `root`, not this computer's. */
export function throughLoader(root: string, file: string): string[] {
  return [path.join(root, LOADER), '--inhibit-cache', '--library-path', path.join(root, LIBRARIES), file]
}

function programOf(root: string, program: string): string {
  const file = ['usr/bin', 'usr/sbin']
    .map((dir) => path.join(root, dir, program))
    .find((found) => existsSync(found))
  if (!file) throw new Error(`${program} is not among the packing programs`)
  return file
}
