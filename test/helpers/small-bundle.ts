/** An engine bundle of the real shape whose programs only say who they are, imported into a cache of its own. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeArtefact } from './artefact.js'
import type { TestUser } from './cli.js'

const PROGRAMS = ['docker', 'containerd', 'containerd-shim-runc-v2', 'runc', 'docker-proxy', 'docker-init']

/** @returns the cache, for XDG_CACHE_HOME */
export async function importSmallBundle(user: TestUser, dir: string, version: string): Promise<string> {
  const bin = join(dir, version, 'tree', version, 'bin')
  mkdirSync(bin, { recursive: true })
  const program = (name: string, script: string): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  program('zstd', 'exec /usr/bin/zstd "$@"')
  program('dockerd', `echo 'Docker version ${version.split('-')[0]}, build small'`)
  for (const name of PROGRAMS) program(name, `echo '${name} ${version}'`)
  const at = join(dir, version)
  const tar = (...words: string[]): Buffer => execFileSync('tar', ['-C', join(at, 'tree'), ...words])
  tar('-czf', join(at, 'bootstrap.tar.gz'), `${version}/bin/zstd`)
  tar('-cf', join(at, 'engine.tar'), `--exclude=${version}/bin/zstd`, version)
  execFileSync('zstd', ['-q', '--rm', join(at, 'engine.tar'), '-o', join(at, 'engine.tar.zst')])
  describeArtefact(at, 'engine', version)
  const cache = join(dir, `cache-${version}`)
  await user.ok(['image', 'import', at], { env: { XDG_CACHE_HOME: cache } })
  return cache
}
