/**
 * Our doubles that are written in Go (test/doubles/go): built once for each state of their source, into the tests'
 * cache.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { link, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { withLock } from '../../src/util/locks.js'
import { cachePath } from '../../src/util/paths.js'

const SOURCE = fileURLToPath(new URL('../doubles/go', import.meta.url))

/** `plugin`: a driver plugin; `host`: what starts one and calls it. */
export type GoProgram = 'plugin' | 'host'

/**
 * A folder for PATH with `docker-machine-driver-NAME`, or `docker-machine` where that is the name, which stands in for
 * the program with all of its drivers. For the host: the folder with `plugin-host`.
 */
export async function goProgram(program: GoProgram, name = 'godouble'): Promise<string> {
  const base = join(cachePath(), 'test-tools', 'go')
  const built = join(base, `${program}-${sourceHash()}`)
  const file = join(built, program)
  await mkdir(built, { recursive: true })
  const folder = join(built, 'as', name)
  const named = join(folder, fileName(program, name))
  if (existsSync(named)) return folder
  // One lock for all: the compiler's cache makes the second build short.
  await withLock(join(base, 'build.lock'), { what: 'build the doubles in Go', waitMs: 300_000 }, async () => {
    if (!existsSync(file)) await build(program, file, base)
    await mkdir(folder, { recursive: true })
    // No symbolic link: a program that is started by its real path must still see the name.
    if (!existsSync(named)) await link(file, named)
  })
  return folder
}

function fileName(program: GoProgram, name: string): string {
  if (program === 'host') return 'plugin-host'
  return name === 'docker-machine' ? name : `docker-machine-driver-${name}`
}

async function build(program: GoProgram, file: string, base: string): Promise<void> {
  const fresh = `${file}.new`
  await rm(fresh, { force: true })
  const words = ['build', '-trimpath', '-buildvcs=false', '-o', fresh, `./${program}`]
  await promisify(execFile)('go', words, { cwd: SOURCE, env: environment(base), timeout: 280_000 })
  await rename(fresh, file)
}

/** Nothing of the user's Go set-up, and no network. */
function environment(base: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    TMPDIR: process.env['TMPDIR'],
    HOME: base,
    GOPATH: join(base, 'path'),
    GOCACHE: join(base, 'cache'),
    GOENV: 'off',
    GOPROXY: 'off',
    GOTOOLCHAIN: 'local',
    CGO_ENABLED: '0',
  }
}

function sourceHash(): string {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  const names = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  for (const name of names.filter((each) => /\.(go|mod)$/.test(each)).sort())
    hash.update(`\0${name}\0`).update(readFileSync(join(SOURCE, name)))
  return hash.digest('hex').slice(0, 16)
}
