/**
 * Runs the test suites one after another and prints `N passed, N failed` over all of them, alone on the last line.
 * `run-suites.ts [campaign] [SUITE|FILE]... [--seed N]`
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { findProgram } from '../src/util/exec.js'
import { debianTool } from './debian-tool.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

interface Suite {
  readonly name: string
  /** Test files at once: VMs come one after another. */
  readonly jobs: number
  /** Seconds until a file counts as hung. */
  readonly limitS: number
  /** Needs our images in the cache. */
  readonly images: boolean
}

const SUITES: readonly Suite[] = [
  { name: 'unit', jobs: 2, limitS: 300, images: false },
  { name: 'contract', jobs: 2, limitS: 300, images: false },
  { name: 'integration', jobs: 2, limitS: 900, images: true },
  { name: 'e2e', jobs: 1, limitS: 3000, images: true },
]

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

interface Outcome extends Counts {
  readonly suite: string
  readonly seconds: number
}

const BROKEN: Counts = { passed: 0, failed: 1, skipped: 0 }

const { values, positionals } = parseArgs({ allowPositionals: true, options: { seed: { type: 'string' } } })
const campaign = positionals[0] === 'campaign'
const wanted = positionals.slice(campaign ? 1 : 0)
const seed = values.seed ?? String(Date.now() % 1_000_000)

const outcomes: Outcome[] = []
for (const suite of SUITES) {
  const files = filesOf(suite)
  if (files.length > 0) outcomes.push(await runSuite(suite, files))
}
report()

/** The suite's files that this run wants: all, when nothing is named. */
function filesOf(suite: Suite): string[] {
  const dir = join('test', suite.name)
  const all = existsSync(join(ROOT, dir)) ? readdirSync(join(ROOT, dir), { recursive: true }).map(String) : []
  const files = all.filter((name) => name.endsWith('.test.ts')).map((name) => join(dir, name))
  if (wanted.length === 0 || wanted.includes(suite.name)) return files.sort()
  return files.filter((file) => wanted.some((word) => word === file || word === join(ROOT, file))).sort()
}

async function runSuite(suite: Suite, files: readonly string[]): Promise<Outcome> {
  const began = performance.now()
  process.stdout.write(`\n== ${suite.name}: ${files.length} files\n`)
  const counts = ready(suite) ? await runTap(suite, files) : BROKEN
  return { suite: suite.name, seconds: Math.round((performance.now() - began) / 1000), ...counts }
}

/** Makes what the suite needs; false when that failed, which is one failure. */
function ready(suite: Suite): boolean {
  if (!suite.images) return true
  return (
    spawnSync(process.execPath, ['tools/prepare.mjs', 'images'], { cwd: ROOT, stdio: 'inherit' }).status === 0
  )
}

async function runTap(suite: Suite, files: readonly string[]): Promise<Counts> {
  const dir = mkdtempSync(join(tmpdir(), 'tsm-counts-'))
  const counts = join(dir, 'counts')
  const words = ['run', '--disable-coverage', '--reporter=./tools/reporter.mjs']
  const limits = [`--jobs=${suite.jobs}`, `--timeout=${suite.limitS}`]
  const child = spawn(join(ROOT, 'node_modules/.bin/tap'), [...words, ...limits, ...files], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      PATH: await searchPath(),
      TSMACHINE_COUNTS: counts,
      TSMACHINE_SEED: seed,
      TSMACHINE_SIZES: campaign ? 'campaign' : 'ci',
    },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal))
  const code = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)))
  const result = existsSync(counts) ? (JSON.parse(readFileSync(counts, 'utf8')) as Counts) : BROKEN
  rmSync(dir, { recursive: true, force: true })
  // A runner that failed for a reason of its own must not look like success.
  return code !== 0 && result.failed === 0 ? { ...result, failed: 1 } : result
}

/** Our programs first that this computer lacks: Debian 13's compose, and its docker client where there is none. */
async function searchPath(): Promise<string> {
  const names = ['docker-compose', ...(findProgram('docker') ? [] : ['docker'])]
  const tools = await Promise.all(names.map(debianTool))
  return [...new Set(tools.map((path) => dirname(path))), process.env['PATH'] ?? ''].join(delimiter)
}

function report(): void {
  const sum = (key: keyof Counts): number => outcomes.reduce((total, outcome) => total + outcome[key], 0)
  process.stdout.write('\n')
  for (const { suite, passed, failed, skipped, seconds } of outcomes)
    process.stdout.write(
      `${suite.padEnd(12)} ${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''} (${seconds} s)\n`,
    )
  if (campaign) writeTable()
  if (outcomes.length === 0) process.stdout.write(`nothing is called ${wanted.join(' or ')}\n`)
  const failed = sum('failed') + (outcomes.length === 0 ? 1 : 0)
  process.exitCode = failed === 0 ? 0 : 1
  process.stdout.write(`${sum('passed')} passed, ${failed} failed\n`)
}

function writeTable(): void {
  const rows = outcomes
    .map((each) => `| ${each.suite} | ${each.passed} | ${each.failed} | ${each.seconds} |\n`)
    .join('')
  const head = `# Last campaign\n\n\`npm run campaign\`, seed ${seed}, Node ${process.version}.\n\n`
  writeFileSync(
    join(ROOT, 'docs/campaign.md'),
    `${head}| suite | passed | failed | seconds |\n|---|---|---|---|\n${rows}`,
  )
}
