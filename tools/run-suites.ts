/**
 * Runs the test suites one after another and prints `N passed, N failed` over all of them, alone on the last line.
 * `run-suites.ts [campaign] [SUITE|FILE]... [--no-root] [--seed N]`; --no-root leaves out what an ordinary user cannot run; cases
 * that are chosen at random (test/helpers/trials.ts) begin with --seed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../src/util/paths.js'
import type { Tally } from '../test/helpers/trials.js'
import { total } from './last-line.mjs'
import { endLeftovers } from './leftovers.js'
import { everything, type Part, rootAdvice, select, withoutRoot } from './suites.js'
import { testPath } from './test-path.js'

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
/** Seconds until a file with a campaign's counts counts as hung. */
const CAMPAIGN_LIMIT_S = 7_200
const RUN_ID = process.pid.toString(36)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'no-root': { type: 'boolean', default: false }, seed: { type: 'string' } },
})
const campaign = positionals[0] === 'campaign'
const selected = select(everything(), positionals.slice(campaign ? 1 : 0))
const parts = values['no-root'] ? withoutRoot(selected.parts) : selected.parts
const outcomes: Outcome[] = []
const tallies = join(mkdtempSync(join(tmpdir(), 'tsm-tallies-')), 'tallies')
appendFileSync(tallies, '')
let running: ChildProcess | undefined
let stopped: 'SIGINT' | 'SIGTERM' | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal))

const refusal =
  selected.unknown.length > 0
    ? `nothing is called ${selected.unknown.join(' or ')}`
    : rootAdvice(parts, process.getuid?.())
if (refusal) process.stdout.write(`${refusal}\n`)
else await runAll()

async function runAll(): Promise<void> {
  const env = {
    ...process.env,
    PATH: await testPath(),
    TSMACHINE_RUN: RUN_ID,
    TSMACHINE_SIZES: campaign ? 'campaign' : 'ci',
    TSMACHINE_TALLY: tallies,
    ...(values.seed !== undefined && { TSMACHINE_SEED: values.seed }),
  }
  for (const part of parts) if (!stopped) outcomes.push(await runSuite(part, env))
  await countLeftovers()
  report()
}

/** As a terminal does, for all programs of the running file; the second time at once. */
function stop(signal: 'SIGINT' | 'SIGTERM'): void {
  const group = running?.exitCode === null ? running.pid : undefined
  if (group !== undefined) process.kill(-group, stopped ? 'SIGKILL' : signal)
  stopped ??= signal
}

async function runSuite(part: Part, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const { suite, files } = part
  const began = performance.now()
  process.stdout.write(`\n== ${suite.name}: ${files.length} files\n`)
  const ready = !suite.images || (await run(process.execPath, ['tools/prepare.mjs', 'images'], env)) === 0
  const counts = ready && !stopped ? await runTap(part, env) : BROKEN
  return { suite: suite.name, seconds: Math.round((performance.now() - began) / 1000), ...counts }
}

async function runTap({ suite, files }: Part, env: NodeJS.ProcessEnv): Promise<Counts> {
  const dir = mkdtempSync(join(tmpdir(), 'tsm-counts-'))
  const counts = join(dir, 'counts')
  const words = ['run', '--disable-coverage', '--reporter=./tools/reporter.mjs']
  const limits = [`--jobs=${suite.jobs}`, `--timeout=${campaign ? CAMPAIGN_LIMIT_S : suite.limitS}`]
  const code = await run(join(packageRoot(), 'node_modules/.bin/tap'), [...words, ...limits, ...files], {
    ...env,
    TSMACHINE_COUNTS: counts,
  })
  const result = existsSync(counts) ? (JSON.parse(readFileSync(counts, 'utf8')) as Counts) : BROKEN
  rmSync(dir, { recursive: true, force: true })
  // A runner that failed for a reason of its own must not look like success.
  return code !== 0 && result.failed === 0 ? { ...result, failed: 1 } : result
}

/** Runs a program, in a process group of its own, in the repository until it ends or we are stopped; 1 when it cannot be started. */
async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(program, args, {
    cwd: packageRoot(),
    stdio: ['ignore', 'inherit', 'inherit'],
    env,
    detached: true,
  })
  running = child
  return await new Promise((resolve) => {
    child.once('error', (error) => process.stderr.write(`${program}: ${error.message}\n`))
    child.once('close', (code) => resolve(code === null || code < 0 ? 1 : code))
  })
}

/** What tests left running is one failure each. */
async function countLeftovers(): Promise<void> {
  const left = await endLeftovers(RUN_ID)
  for (const { pid, command } of left) process.stdout.write(`left running, ended now: ${pid} ${command}\n`)
  if (left.length > 0)
    outcomes.push({ suite: 'left running', passed: 0, failed: left.length, skipped: 0, seconds: 0 })
}

function report(): void {
  process.stdout.write('\n')
  for (const { suite, passed, failed, skipped, seconds } of outcomes)
    process.stdout.write(
      `${suite.padEnd(12)} ${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''} (${seconds} s)\n`,
    )
  for (const { passed, failed } of outcomes) {
    total.passed += passed
    total.failed += failed
  }
  total.complete = parts.length > 0
  if (stopped) process.exitCode = 128 + constants.signals[stopped]
  else if (campaign) writeTable()
}

function writeTable(): void {
  const rows = outcomes.map((each) => [each.suite, each.passed, each.failed, each.seconds])
  const faults = readFileSync(tallies, 'utf8').split('\n').filter(Boolean).map(tallyRow)
  writeFileSync(
    join(packageRoot(), 'docs/campaign.md'),
    `# Last campaign\n\n\`npm run campaign\`, Node ${process.version}.\n\n${table(['suite', 'passed', 'failed', 'seconds'], rows)}` +
      (faults.length > 0 ? `\n${table(['fault', 'tried', 'survived', 'first seed'], faults)}` : ''),
  )
}

function tallyRow(line: string): (string | number)[] {
  const { name, tried, survived, firstSeed } = JSON.parse(line) as Tally
  return [name, tried, survived, firstSeed]
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}
