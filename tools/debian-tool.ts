/**
 * Programs that this computer's Debian 12 lacks or has in another form: fetched from Debian 13's archive into the user's
 * cache and started with their own loader and libraries, so that nothing is installed or replaced. As a program:
 * `debian-tool.ts NAME...` prints the directory that holds them, for PATH.
 */
import { existsSync } from 'node:fs'
import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fetchPackages, openApt, unpack } from '../image-build/apt.js'
import { throughLoader } from '../image-build/tools.js'
import { withLock } from '../src/util/locks.js'
import { cachePath } from '../src/util/paths.js'

interface Tool {
  readonly debianPackage: string
  readonly file: string
  /** Needs no loader: the program itself is handed out, to be copied to where no library is. */
  readonly isStatic?: boolean
}

/** Where Debian 13 has each program. */
const TOOLS: Readonly<Record<string, Tool>> = {
  docker: { debianPackage: 'docker-cli', file: 'usr/bin/docker' },
  'docker-compose': {
    debianPackage: 'docker-compose',
    file: 'usr/libexec/docker/cli-plugins/docker-compose',
  },
  // An installed Debian has the dynamic one of the package busybox.
  busybox: { debianPackage: 'busybox-static', file: 'usr/bin/busybox', isStatic: true },
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
  await unpack(await fetchPackages(apt, [tool.debianPackage], { libraries: !tool.isStatic }), root)
  const fresh = `${program}.new`
  await rm(fresh, { force: true })
  if (tool.isStatic) await symlink(join(root, tool.file), fresh)
  else await writeStarter(fresh, throughLoader(root, join(root, tool.file)))
  await rename(fresh, program)
}

async function writeStarter(path: string, argv: readonly string[]): Promise<void> {
  const words = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`)
  await writeFile(path, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`)
  await chmod(path, 0o755)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const name of process.argv.slice(2)) await debianTool(name)
  process.stdout.write(`${join(cachePath(), 'test-tools', 'bin')}\n`)
}
