/** An engine bundle of the real shape with nothing in it that runs but this computer's zstd. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface FakeBundleOptions {
  /** False: as on a file system mounted noexec. */
  readonly executable?: boolean
  /** Claims to be this many bytes (a sparse file). */
  readonly pretend?: number
}

export function fakeBundle(dir: string, version: string, options: FakeBundleOptions = {}): string {
  const bin = join(dir, 'tree', version, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'zstd'), '#!/bin/sh\nexec /usr/bin/zstd "$@"\n')
  chmodSync(join(bin, 'zstd'), options.executable === false ? 0o644 : 0o755)
  writeFileSync(join(bin, 'dockerd'), randomBytes(1_500_000).toString('hex'))
  const tree = join(dir, 'tree')
  execFileSync('tar', ['-C', tree, '-czf', join(dir, 'bootstrap.tar.gz'), `${version}/bin/zstd`])
  execFileSync('tar', ['-C', tree, '-cf', join(dir, 'engine.tar'), `${version}/bin/dockerd`])
  execFileSync('zstd', ['-q', '--rm', join(dir, 'engine.tar'), '-o', join(dir, 'engine.tar.zst')])
  if (options.pretend !== undefined) truncateSync(join(dir, 'engine.tar.zst'), options.pretend)
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ version }))
  return dir
}
