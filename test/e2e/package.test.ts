/** What a user gets from the registry: packed tarballs, installed in an empty folder, on a computer where apt cannot run. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { run } from '../../src/util/exec.js'
import { packageRoot } from '../../src/util/paths.js'
import { TestUser } from '../helpers/cli.js'

t.setTimeout(900_000)
const user = new TestUser()
const app = join(user.home, 'app')
const program = join(app, 'node_modules/tsmachine/bin/run.cjs')
/** Their own image cache, empty, and a search path without apt and dpkg. */
const env = { XDG_CACHE_HOME: join(user.home, 'cache'), PATH: pathWithoutApt(join(user.home, 'bin')) }
t.teardown(async () => {
  await user.tsmachine(['rm', '-f', 'packed'], { program, env })
  await user.cleanUp()
})

t.test('the packages are packed and install in an empty folder', async (t) => {
  const tarballs = [...(await packed()), ...(await packedArtefacts())]
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), '{"name":"app","private":true}')
  const words = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', ...tarballs]
  const installed = await run('npm', words, { cwd: app, deadlineMs: 300_000 })
  t.equal(installed.code, 0, installed.stderr)
  t.match(readdirSync(join(app, 'node_modules/tsmachine')).sort(), [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'bin',
    'dist',
  ])
})

t.test('it runs from any folder, and says that apt is not there', async (t) => {
  const version = await user.tsmachine(['--version'], { program, env, cwd: '/' })
  t.equal(version.code, 0, version.stderr)
  t.match(version.stdout, packageVersion())
  const build = await user.tsmachine(['image', 'build'], { program, env, cwd: '/' })
  t.not(build.code, 0)
  t.match(build.stderr, /apt/)
})

t.test('create takes image and engine from the packages', async (t) => {
  const outcome = await user.tsmachine(['create', '--qemu-memory', '1024', 'packed'], {
    program,
    env,
    cwd: '/',
    limitMs: 600_000,
  })
  t.equal(outcome.code, 0, outcome.stderr)
  const listed = await user.tsmachine(['image', 'ls', '--json'], { program, env })
  t.match(JSON.parse(listed.stdout), { result: [{ source: 'package' }] }, listed.stderr)
  const url = (await user.ok(['url', 'packed'], { program, env })).trim()
  const tls = {
    DOCKER_HOST: url,
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: join(user.store, 'machines/packed'),
  }
  const info = await user.run('docker', ['info', '--format', '{{.Name}} {{.Driver}}'], { env: tls })
  t.equal(info.stdout.trim(), 'packed overlay2', info.stderr)
})

async function packed(): Promise<string[]> {
  const words = ['pack', '--ignore-scripts', '--json', '--pack-destination', user.home]
  const result = await run('npm', words, { cwd: packageRoot(), deadlineMs: 120_000 })
  const [main] = JSON.parse(result.stdout) as { filename: string }[]
  return [join(user.home, main?.filename ?? '')]
}

/** The optional packages, of the artefacts that this computer has built already. */
async function packedArtefacts(): Promise<string[]> {
  const { result } = JSON.parse(await user.ok(['image', 'ls', '--json'])) as {
    result: { kind: string; dir: string; current: boolean }[]
  }
  const from = join(user.home, 'from')
  mkdirSync(from)
  for (const { kind, dir } of result.filter(({ current }) => current)) symlinkSync(dir, join(from, kind))
  const out = join(user.home, 'packages')
  const made = await run(
    process.execPath,
    ['--import', 'tsx', 'tools/package-image.ts', '--from', from, '--out', out],
    {
      cwd: packageRoot(),
      deadlineMs: 600_000,
    },
  )
  if (made.code !== 0) throw new Error(made.stderr)
  const names = readdirSync(out).filter((name) => name.endsWith('.tgz'))
  return names.map((name) => join(out, name))
}

/** A folder of links to every program of this computer but those of apt and dpkg. */
function pathWithoutApt(dir: string): string {
  mkdirSync(dir, { recursive: true })
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  const seen = new Set<string>()
  for (const folder of folders)
    for (const name of programsIn(folder)) {
      if (seen.has(name) || /^(apt|dpkg)/.test(name)) continue
      seen.add(name)
      symlinkSync(join(folder, name), join(dir, name))
    }
  return dir
}

function programsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string })
    .version
}
