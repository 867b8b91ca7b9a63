import { spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A folder for a tap of its own: one clears what another that runs in the same folder has just written about itself. */
const place = mkdtempSync(join(tmpdir(), 'tsm-tap-'))
t.teardown(() => rmSync(place, { recursive: true, force: true }))
for (const name of ['package.json', 'tsconfig.json', '.taprc', 'node_modules', 'tools', 'src'])
  if (existsSync(join(ROOT, name))) symlinkSync(join(ROOT, name), join(place, name))
cpSync(join(ROOT, 'test/fixtures/reporter'), join(place, 'test/fixtures/reporter'), { recursive: true })

/** Runs tap with our reporter on one fixture each, in a process of its own. */
function report(...fixtures: string[]): { status: number | null; output: string; last: string } {
  const files = fixtures.map((name) => `test/fixtures/reporter/${name}.ts`)
  const options = ['run', '--disable-coverage', '--timeout=10', '--reporter=./tools/reporter.mjs']
  const { TSMACHINE_COUNTS: _mine, ...env } = process.env
  for (const name of Object.keys(env)) if (name.startsWith('TAP')) delete env[name]
  const result = spawnSync(join(ROOT, 'node_modules/.bin/tap'), [...options, ...files], {
    cwd: place,
    env,
    encoding: 'utf8',
  })
  const { status, stdout: output } = result
  return { status, output, last: output.trimEnd().split('\n').at(-1) ?? '' }
}

t.test('the last line of a run counts assertions, crashes, hangs and files that test nothing', async (t) => {
  const good = report('pass')
  t.match(good, { status: 0, last: '3 passed, 0 failed' })
  t.match(good.output, /^ +2 of 3 cases\n(ok .*\n)3 passed/, 'what tests say is shown, and not what tap says')
  const all = report('pass', 'fail', 'throw', 'crash', 'empty', 'timeout')
  t.equal(all.status, 1)
  // What a file that throws had asserted may be lost with it, and a hang shows in the test and in its file.
  t.match(all.last, /^[45] passed, [56] failed$/)
  t.match(report('evidence').output, /not ok: .*Gave up\n[^]*seen: Kernel panic - not syncing/)
})

/** A search path with the few programs that setup.sh itself needs, and the given ones. */
function searchPath(t: { testdir(): string }, programs: Readonly<Record<string, string>>): string {
  const dir = join(t.testdir(), 'bin')
  mkdirSync(dir, { recursive: true })
  for (const name of ['dirname', 'sort', 'tr']) symlinkSync(`/usr/bin/${name}`, join(dir, name))
  for (const [name, script] of Object.entries(programs))
    writeFileSync(join(dir, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return dir
}

function setup(
  path: string,
  ...purposes: string[]
): { status: number | null; stdout: string; stderr: string } {
  const result = spawnSync('/bin/sh', ['tools/setup.sh', ...purposes], {
    cwd: ROOT,
    env: { PATH: path },
    encoding: 'utf8',
  })
  return { status: result.status, stdout: result.stdout, stderr: result.stderr }
}

t.test('without root the one command that installs what is missing is printed', async (t) => {
  const { status, stderr } = setup(searchPath(t, { id: 'echo 1000', 'apt-get': 'exit 9' }), 'run')
  t.equal(status, 1)
  t.match(
    stderr,
    /^ {2}sudo apt-get update && sudo apt-get install -y --no-install-recommends .*qemu-system-x86 qemu-utils/m,
  )
  t.notMatch(stderr, /mmdebstrap/, 'only what was asked for')
})

t.test('without apt the packages are named', async (t) => {
  const { status, stderr } = setup(searchPath(t, {}), 'run')
  t.equal(status, 1)
  t.match(stderr, /names of Debian packages\):.*qemu-utils/)
})

t.test('package lists that are gone are fetched again, though no program is missing', async (t) => {
  const log = join(t.testdir(), 'log')
  const fake = (uid: number): string => {
    const dir = searchPath(t, {
      id: `echo ${uid}`,
      'apt-get': `[ "$1" = indextargets ] || echo "$*" >>${log}`,
    })
    return `${dir}:${process.env['PATH'] ?? ''}`
  }
  t.match(setup(fake(1000), 'build'), { status: 1, stderr: /^ {2}sudo apt-get update$/m })
  t.strictSame(setup(fake(0), 'build'), { status: 0, stdout: '', stderr: '' })
  t.equal(readFileSync(log, 'utf8'), 'update -q\n')
})

t.test('nothing is done when nothing is missing', async (t) => {
  t.strictSame(setup(process.env['PATH'] ?? '', 'build'), { status: 0, stdout: '', stderr: '' })
})

const RUNNER = ['--import', './tools/last-line.mjs', '--import', 'tsx', 'tools/run-suites.ts']

t.test('a suite or file that does not exist is a failure, and nothing is run', async (t) => {
  const result = spawnSync(process.execPath, [...RUNNER, 'unit', 'no-such'], { cwd: ROOT, encoding: 'utf8' })
  t.equal(result.status, 1)
  t.equal(result.stdout, 'nothing is called no-such\n0 passed, 1 failed\n')
})

t.test('a signal ends the running file and the run, and what was counted is printed', async (t) => {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const files = ['test/unit/util/clock.test.ts', 'test/contract/fake.test.ts']
    const child = spawn(process.execPath, [...RUNNER, ...files], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (!output.includes('== unit') && (output + text).includes('== unit')) child.kill(signal)
      output += text
    })
    const code = await new Promise((resolve) => child.once('close', resolve))
    t.equal(code, status, signal)
    t.match(output, /^== unit: 1 files$[^]*^\d+ passed, 1 failed\n$/m)
    t.notMatch(output, /== contract/)
  }
})

t.test('the last line is the count also when there is nothing to count', async (t) => {
  const last = (program: string, args: readonly string[], path = process.env['PATH'] ?? ''): unknown => {
    const { TSMACHINE_COUNTS: _mine, ...env } = process.env
    const { status, stdout } = spawnSync(program, args, {
      cwd: ROOT,
      env: { ...env, PATH: path },
      encoding: 'utf8',
    })
    return { failed: status !== 0, last: stdout.trimEnd().split('\n').at(-1) }
  }
  const broken = { failed: true, last: '0 passed, 1 failed' }
  const cannotStart = [
    '--import',
    './tools/last-line.mjs',
    '--import',
    './no-such.mjs',
    'tools/run-suites.ts',
  ]
  t.strictSame(last(process.execPath, cannotStart), broken, 'the runner cannot start')
  t.strictSame(last('/bin/sh', ['tools/test.sh'], searchPath(t, {})), broken, 'setup fails')
  t.strictSame(last('/bin/sh', ['.ci/run'], searchPath(t, {})), broken, 'there is no npm')
})
