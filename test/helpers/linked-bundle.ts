/** An engine bundle of another version whose programs are those of one that the host has: small, and it really runs. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeArtefact } from './artefact.js'
import type { TestUser } from './cli.js'

const PROGRAMS = [
  'dockerd',
  'docker',
  'containerd',
  'containerd-shim-runc-v2',
  'runc',
  'docker-proxy',
  'docker-init',
]
const FOLDERS = ['lib', 'libexec', 'iptables', 'etc', 'share']

/** Puts it into a cache of its own. With `dockerd` given that script is the engine. */
export async function importLinkedBundle(
  user: TestUser,
  bundle: { readonly version: string; readonly present: string; readonly dockerd?: string },
): Promise<{ XDG_CACHE_HOME: string }> {
  const { version, present, dockerd } = bundle
  const dir = join(user.home, `bundle-${version}`)
  const tree = join(dir, 'tree')
  const host = `/opt/tsmachine/${present}`
  const bin = join(tree, version, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'zstd'), `#!/bin/sh\nexec ${host}/bin/zstd "$@"\n`, { mode: 0o755 })
  for (const name of PROGRAMS) {
    if (name === 'dockerd' && dockerd !== undefined) writeFileSync(join(bin, name), dockerd, { mode: 0o755 })
    else symlinkSync(`${host}/bin/${name}`, join(bin, name))
  }
  for (const name of FOLDERS) symlinkSync(`${host}/${name}`, join(tree, version, name))
  execFileSync('tar', ['-C', tree, '-czf', join(dir, 'bootstrap.tar.gz'), `${version}/bin/zstd`])
  execFileSync('tar', ['-C', tree, '-cf', join(dir, 'engine.tar'), version])
  execFileSync('zstd', ['-q', '--rm', join(dir, 'engine.tar'), '-o', join(dir, 'engine.tar.zst')])
  describeArtefact(dir, 'engine', version)
  const env = { XDG_CACHE_HOME: join(user.home, `cache-${version}`) }
  await user.ok(['image', 'import', dir], { env })
  return env
}
