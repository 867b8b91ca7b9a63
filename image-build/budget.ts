import type { ManifestFile } from './manifest.js'

/** How large the files of a release may be together, in millions of bytes. */
interface Budget {
  files: readonly string[]
  megabytes: number
}

const BUDGETS: readonly Budget[] = [
  { files: ['kernel', 'initramfs'], megabytes: 18 },
  { files: ['engine.squashfs'], megabytes: 72 },
  { files: ['kernel', 'initramfs', 'engine.squashfs'], megabytes: 88 },
  { files: ['bootstrap.tar.gz', 'engine.tar.zst'], megabytes: 66 },
]

/** Throws naming the files of a release that have grown too large, and by how much. */
export function checkBudget(files: readonly Pick<ManifestFile, 'name' | 'size'>[]): void {
  for (const { files: names, megabytes } of BUDGETS) {
    const size = files.filter((file) => names.includes(file.name)).reduce((sum, file) => sum + file.size, 0)
    if (size <= megabytes * 1e6) continue
    throw new Error(
      `the release is too large: ${names.join(' + ')} take ${(size / 1e6).toFixed(1)} MB, ${String(megabytes)} MB are allowed`,
    )
  }
}
