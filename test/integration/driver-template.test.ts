/** Follows "A driver package" of docs/writing-a-driver.md to the letter, then proves the same driver in its own process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { packageFactory } from '../../src/drivers/package/factory.js'
import { NEVER, Trial } from '../../src/drivers/package/kit/testing/index.js'
import { run } from '../../src/util/exec.js'
import { packageRoot } from '../../src/util/paths.js'
import { NpmRegistry } from '../doubles/npm-registry/index.js'
import { type Outcome, PROGRAM, TestUser } from '../helpers/cli.js'
import { driverDeps, machineDir, scratchDir } from '../helpers/driver-deps.js'
import { poll } from '../helpers/poll.js'

t.setTimeout(600_000)

const registry = await NpmRegistry.start(join(packageRoot(), 'node_modules'))
const user = new TestUser()
const programs: ChildProcess[] = []
t.teardown(async () => {
  for (const { pid } of programs) if (pid !== undefined) process.kill(-pid)
  await registry.stop()
  await user.cleanUp()
})

/** Lines of the shell blocks in one part of the document, in their order. */
function commands(part: string): readonly string[] {
  const text = readFileSync(join(packageRoot(), 'docs/writing-a-driver.md'), 'utf8')
  const section = text.split(/^## /m).find((each) => each.startsWith(`${part}\n`)) ?? ''
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) => block.trim().split('\n'))
}

interface Terminal {
  cwd: string
  env: Record<string, string>
}

function inTerminal(
  line: string,
  { cwd, env }: Terminal,
  started?: (child: ChildProcess) => void,
): Promise<Outcome> {
  return user.run('/bin/sh', ['-c', `exec ${line}`], { cwd, env, ...(started ? { started } : {}) })
}

/** Starts what runs on in another terminal, and takes the variables that it prints. */
async function inAnother(line: string, terminal: Terminal): Promise<void> {
  const child = spawn('/bin/sh', ['-c', `exec ${line}`], {
    cwd: terminal.cwd,
    env: { ...user.env, ...terminal.env },
    stdio: ['ignore', 'pipe', 'inherit'],
    // npm does not tell its child that it is over.
    detached: true,
  })
  programs.push(child)
  let text = ''
  child.stdout.on('data', (part: Buffer) => (text += part.toString()))
  await poll(30_000, () => Promise.resolve(text.includes('\n')))
  const pairs = [...text.matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value] as const)
  Object.assign(terminal.env, Object.fromEntries(pairs))
}

/** Makes the machine until the record says that there is a server, then Ctrl-C. */
function untilMade(child: ChildProcess): void {
  const ledger = join(user.store, 'machines/dev/tsmachine.json')
  const isMade = (): boolean => existsSync(ledger) && readFileSync(ledger, 'utf8').includes('"address"')
  void poll(60_000, () => Promise.resolve(isMade()), 50).then(() => child.kill('SIGINT'))
}

t.test('what the document says works to the letter', async (t) => {
  const packed = ['pack', '--ignore-scripts', '--pack-destination', user.home]
  const { stdout } = await run('npm', packed, { cwd: packageRoot(), deadlineMs: 120_000 })
  registry.publishTarball(join(user.home, stdout.trim()))
  const bin = join(user.home, 'bin')
  mkdirSync(bin)
  symlinkSync(PROGRAM, join(bin, 'tsmachine'))
  const terminal: Terminal = {
    cwd: user.home,
    env: { ...registry.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
  }
  const said: Record<string, string> = {}
  const lines = commands('A driver package')
  t.ok(lines.length > 8, `${lines.length} commands`)
  for (const line of lines) {
    if (line.startsWith('cd ')) terminal.cwd = join(terminal.cwd, line.slice(3))
    else if (line.includes('provider')) await inAnother(line, terminal)
    else if (/^tsmachine create (?!.*--help)/.test(line)) {
      const { code, stderr } = await inTerminal(line, terminal, untilMade)
      t.equal(code, 130, `${line}: ${stderr}`)
    } else {
      const { code, stdout, stderr } = await inTerminal(line, terminal)
      t.equal(code, 0, `${line}\n${stdout}${stderr}`)
      said[line] = stdout
    }
  }
  t.match(said['npm test'], /^# pass 20\n# fail 0$/m)
  // The create may end before the provider was asked again.
  t.match(said['tsmachine status dev'], /^(Starting|Running)\n$/)
  t.match(said['tsmachine driver ls'], /^acme +tsmachine-driver-acme +0\.1\.0 +1\.0\.0 +yes +sha512-/m)
  t.match(said['tsmachine create --driver acme --help'], /--acme-region=.*\n/)
})

interface Double {
  readonly servers: readonly { readonly name: string }[]
  readonly requests: readonly string[]
  readonly url: string
  stop(): void
}

t.test('the same driver makes and removes a machine in the process of a package', async (t) => {
  const built = join(user.home, 'tsmachine-driver-acme')
  const { Provider, TOKEN } = (await import(pathToFileURL(join(built, 'dist/test/provider.js')).href)) as {
    Provider: { start(): Promise<Double> }
    TOKEN: string
  }
  const provider = await Provider.start()
  t.teardown(() => provider.stop())
  const factory = await packageFactory(built, user.env)
  if (!factory) return t.fail('it is there')
  const dir = scratchDir(t)
  const subject = {
    load: () => Promise.resolve(factory),
    deps: driverDeps(dir),
    good: { 'acme-token': TOKEN, 'acme-endpoint': provider.url },
    bad: {},
    faults: [],
    machineDir: (id: string) => machineDir(dir, id),
    leftovers: () => Promise.resolve([]),
    freshState: 'Running' as const,
    abortDelaysMs: [],
    lostEvents: [],
  }
  const trial = await Trial.begin(subject)
  const driver = await trial.open()
  await trial.create(driver)
  t.equal(provider.servers.length, 1)
  t.match(trial.resources, [{ kind: 'server', state: 'made', attributes: { address: '127.0.0.1' } }])
  t.match(driver.endpoint(trial.machine()), { address: '127.0.0.1', ssh: { user: 'docker', port: 22 } })
  t.match(await driver.states([trial.machine()], NEVER), [{ state: 'Running', address: '127.0.0.1' }])
  t.strictSame(Object.keys(driver).includes('console'), false, 'it has what its capabilities say')
  await trial.remove(driver)
  t.strictSame(provider.servers, [])
})
