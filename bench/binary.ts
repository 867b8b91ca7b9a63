/** The single executable, which is built here, against docker-machine's `env` with its connection to a live engine. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureCa } from '../src/tls/authority.js'
import { issueServer } from '../src/tls/server.js'
import { systemClock } from '../src/util/clock.js'
import { FakeEngine } from '../test/doubles/engine.js'
import { TestUser } from '../test/helpers/cli.js'
import { buildBinary } from '../tools/binary.js'
import { elapsed, interleave } from './interleave.js'
import { ratio } from './numbers.js'
import type { Bench, BenchOptions, BenchResult, Measurement } from './result.js'

const BUDGET = 1.1
const NAME = 'web'
const THEIRS = `docker-machine env ${NAME}`
const OURS = [`env --shell bash ${NAME}`, `ip ${NAME}`, `url ${NAME}`, `inspect ${NAME}`, 'ls -q']

export const benchBinary: Bench = async (options) => {
  const user = new TestUser()
  try {
    const program = await buildBinary({ node: process.execPath, out: join(user.home, 'binary') })
    const engine = await liveEngine(join(user.store, 'certs'))
    try {
      const create = ['create', '-d', 'none', '--url', `tcp://127.0.0.1:${engine.port}`, NAME]
      await done(user, program, create)
      return await measure(user, program, options)
    } finally {
      await engine.stop()
    }
  } finally {
    rmSync(user.home, { recursive: true, force: true })
  }
}

/** One that has a certificate of the store's CA. */
async function liveEngine(certs: string): Promise<FakeEngine> {
  mkdirSync(certs, { recursive: true, mode: 0o700 })
  const ca = await ensureCa(certs, { clock: systemClock })
  const { cert, key } = await issueServer({ ca, name: NAME, sans: ['127.0.0.1'], clock: systemClock })
  return await FakeEngine.start({ ca: ca.caPem, cert, key })
}

async function measure(
  user: TestUser,
  program: string,
  { runs, dockerMachine }: BenchOptions,
): Promise<BenchResult> {
  const ours = OURS.map((line) => [line, () => elapsed(() => done(user, program, line.split(' ')))] as const)
  const theirs =
    dockerMachine && (() => elapsed(() => done(user, dockerMachine, ['env', '--shell', 'bash', NAME])))
  const node = () => elapsed(() => done(user, process.execPath, ['-e', '0']))
  const contestants: Readonly<Record<string, () => Promise<number>>> = {
    ...Object.fromEntries(ours),
    'node -e 0': node,
    ...(theirs ? { [THEIRS]: theirs } : {}),
  }
  const turns = await interleave(contestants, { runs, warmUp: 1 })
  const row = (name: string): Measurement => ({ name, unit: 'ms', values: turns[name] ?? [] })
  return {
    measurements: Object.keys(contestants).map(row),
    ratios: OURS.flatMap((line) => [
      ratio(`${line} by node -e 0`, row(line), row('node -e 0')),
      ...(theirs ? [ratio(`${line} by ${THEIRS}`, row(line), row(THEIRS), BUDGET)] : []),
    ]),
    notes: theirs ? [] : ['docker-machine is not there to be compared with'],
  }
}

async function done(user: TestUser, program: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await user.run(program, args)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${stderr}`)
}
