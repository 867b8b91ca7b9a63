/**
 * Programs that only Debian 13 has, for a Debian 12 computer: fetched from its archive into the user's cache and started
 * with their own loader and libraries, so that nothing is installed. As a program: `debian-tool.ts NAME...` prints the
 * directory that holds them, for PATH.
 */
import { existsSync } from 'node:fs'
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fetchPackages, openApt, unpack } from '../image-build/apt.js'
import { throughLoader } from '../image-build/tools.js'
import { withLock } from '../src/util/locks.js'
import { cachePath } from '../src/util/paths.js'

/** Where Debian 13 has each program. */
const TOOLS: Readonly<Record<string, { readonly debianPackage: string; readonly file: string }>> = {
  docker: { debianPackage: 'docker-cli', file: 'usr/bin/docker' },
  'docker-compose': {
    debianPackage: 'docker-compose',
    file: 'usr/libexec/docker/cli-plugins/docker-compose',
  },
}

/** Absolute path of a program, fetched first when it is not in the cache. */
export async function debianTool(name: string): Promise<string> {
  const tool = TOOLS[name]
  if (!tool) throw new Error(`${name} is none of ${Object.keys(TOOLS).join(', ')}`)
  const base = join(cachePath(), 'test-tools')
  const program = join(base, 'bin', name)
  if (existsSync(program)) return program
  await mkdir(join(base, 'bin'), { recursive: true })
  await withLock(join(base, `${name}.lock`), { what: `fetch ${name}`, waitMs: 300_000 }, () =>
    fetch(name, base),
  )
  return program
}

async function fetch(name: string, base: string): Promise<void> {
  const program = join(base, 'bin', name)
  const tool = TOOLS[name]
  if (!tool || existsSync(program)) return
  const apt = await openApt({ cacheDir: cachePath() })
  const root = join(base, name)
  await rm(root, { recursive: true, force: true })
  await unpack(await fetchPackages(apt, [tool.debianPackage], { libraries: true }), root)
  const words = throughLoader(root, join(root, tool.file)).map((word) => `'${word.replaceAll("'", "'\\''")}'`)
  await writeFile(`${program}.new`, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`)
  await chmod(`${program}.new`, 0o755)
  await rename(`${program}.new`, program)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const name of process.argv.slice(2)) await debianTool(name)
  process.stdout.write(`${join(cachePath(), 'test-tools', 'bin')}\n`)
}
