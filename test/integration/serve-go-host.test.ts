/** Our drivers as a host on Go's own net/rpc uses them: what it reads of our answers is what any tool in Go does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { allFlags } from '../../src/drivers/flag-tables.js'
import { servedFlags } from '../../src/machine/serve-flags.js'
import { processAlive } from '../../src/util/process.js'
import { DigitalOceanDouble, TOKEN } from '../doubles/digitalocean/index.js'
import { PROGRAM, TestUser } from '../helpers/cli.js'
import { goProgram } from '../helpers/go-programs.js'
import { poll } from '../helpers/poll.js'

t.setTimeout(120_000)

const HOST = join(await goProgram('host'), 'plugin-host')

interface Line {
  readonly verb?: string
  readonly value?: unknown
  readonly error?: string
  readonly text?: string
}

class Stand {
  readonly me = new TestUser()
  readonly #bin = join(this.me.home, 'bin')

  constructor(t: Test) {
    t.teardown(() => rmSync(this.me.home, { recursive: true, force: true }))
    mkdirSync(this.#bin)
    for (const { driver } of allFlags())
      symlinkSync(PROGRAM, join(this.#bin, `docker-machine-driver-ts-${driver}`))
  }

  get dir(): string {
    return join(this.me.store, 'machines', 'm1')
  }

  get ledger(): LedgerRecord | undefined {
    const file = join(this.dir, 'tsmachine.json')
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LedgerRecord) : undefined
  }

  start(driver: string, words: readonly string[]): ChildProcess {
    const PATH = `${this.#bin}:${this.me.env['PATH'] ?? ''}`
    const args = ['--store', this.me.store, '--limit', '60s', '--driver', `ts-${driver}`, ...words]
    return spawn(HOST, args, { env: { ...this.me.env, PATH }, stdio: ['ignore', 'pipe', 'inherit'] })
  }

  async run(driver: string, words: readonly string[]): Promise<readonly Line[]> {
    const child = this.start(driver, words)
    const said = outputOf(child)
    await once(child, 'close')
    return linesOf(said())
  }

  /** What verbs came to: a value or an error. */
  async answers(driver: string, words: readonly string[]): Promise<Record<string, unknown>> {
    const lines = await this.run(driver, words)
    return Object.fromEntries(
      lines.flatMap(({ verb, value, error }) => (verb ? [[verb, error ?? value]] : [])),
    )
  }
}

function outputOf(child: ChildProcess): () => string {
  let said = ''
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  return () => said
}

function linesOf(said: string): readonly Line[] {
  return said
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line)
}

t.test('Go reads the flags of every driver of ours with their kinds and defaults', async (t) => {
  const stand = new Stand(t)
  for (const { driver, flags } of allFlags()) {
    const { name, flags: read } = await stand.answers(driver, ['name', 'flags'])
    t.equal(name, `ts-${driver}`)
    const expected = servedFlags(flags).map(
      ({ name: Name, usage: Usage, envVar: EnvVar, kind, ...rest }) => ({
        kind: `${kind.charAt(0).toUpperCase()}${kind.slice(1)}Flag`,
        flag: { Name, Usage, EnvVar, ...('value' in rest ? { Value: valueInGo(rest.value) } : {}) },
      }),
    )
    t.same(read, expected, driver)
  }
})

/** A list without elements is not sent. */
function valueInGo(value: string | number | readonly string[]): unknown {
  return Array.isArray(value) && value.length === 0 ? null : value
}

t.test('a whole life of a machine in the hands of a host that keeps its own file of the state', async (t) => {
  const stand = new Stand(t)
  const made = await stand.answers('none', [
    'create',
    'url=tcp://192.0.2.1:2376',
    'state',
    'url',
    'ssh',
    'unknown',
  ])
  t.match(made, { create: null, state: 'Running', url: 'tcp://192.0.2.1:2376', ssh: /has no SSH/ })
  t.match(made['unknown'], "can't find method RPCServerDriver.Upgrade")
  t.equal(stand.ledger?.phase, 'ready')
  t.match(await stand.answers('none', ['state', 'start']), { state: 'Running', start: /cannot be started/ })
  t.match(await stand.answers('none', ['remove']), { remove: null })
})

t.test('answers come while a slow call runs, and heartbeats keep a quiet host alive', async (t) => {
  const stand = new Stand(t)
  await stand.run('none', ['create', 'url=tcp://192.0.2.1:2376'])
  t.match(await stand.answers('none', ['wait', 'state', 'concurrent']), { state: 'Running', concurrent: {} })
})

t.test(
  'kill -9 of the host in a create: the plugin ends, and a later host removes what the ledger names',
  async (t) => {
    const double = await DigitalOceanDouble.start()
    t.teardown(() => double.close())
    const stand = new Stand(t)
    const words = ['create', `digitalocean-access-token=${TOKEN}`, `digitalocean-api-url=${double.url}`]
    const host = stand.start('digitalocean', words)
    t.teardown(() => void host.kill('SIGKILL'))
    const said = outputOf(host)
    await poll(30_000, async () => said().includes('Waiting for machine to boot'))
    const [plugin] = childrenOf(host.pid ?? 0, 'ts-digitalocean')
    t.ok(isAlive(plugin))
    host.kill('SIGKILL')
    const { tookMs } = await poll(15_000, async () => !isAlive(plugin))
    t.ok(tookMs < 10_500, `${Math.round(tookMs)} ms`)
    t.same(stand.ledger?.resources.map(({ kind }) => kind).sort(), ['firewall', 'server', 'ssh-key'])
    t.ok(double.inventory().length > 0)
    t.match(await stand.answers('digitalocean', ['remove']), { remove: null })
    t.same(double.inventory(), [])
    t.notMatch(said(), TOKEN)
  },
)

function isAlive(pid: number | undefined): boolean {
  return pid !== undefined && processAlive({ pid })
}

/** The processes of a host that serve a machine: the one that told the flags was started later. */
function childrenOf(pid: number, driver: string): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
  return children.filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(driver))
}
