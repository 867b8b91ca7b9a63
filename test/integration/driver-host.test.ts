/** The program that driver packages run in, with packages that misbehave. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { describeAt, packageFactory } from '../../src/drivers/package/factory.js'
import { isDriverPath } from '../../src/drivers/package/installed.js'
import { packageRoot } from '../../src/util/paths.js'
import { withDeadline } from '../../src/util/wait.js'
import { driverDeps, scratchDir } from '../helpers/driver-deps.js'
import { driverPackage } from '../helpers/driver-package.js'
import { poll } from '../helpers/poll.js'

const HOST = join(packageRoot(), 'dist/driver/host.js')
const ENV = { PATH: process.env['PATH'] }

function packageOf(t: Test, code: string, contract = '1.0.0'): string {
  const dir = scratchDir(t)
  for (const [name, text] of Object.entries(driverPackage('acme', { code, contract })))
    writeFileSync(join(dir, name), text)
  return dir
}

function hosted(t: Test, dir: string): { child: ChildProcess; said: () => string } {
  const child = spawn(process.execPath, [HOST, join(dir, 'index.js')], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (part: Buffer) => (said += part.toString()))
  return { child, said: () => said }
}

t.test('what a package prints and leaves running does not keep it from answering', async (t) => {
  const dir = packageOf(t, "process.stdout.write('half a line'); setInterval(() => undefined, 1000)")
  const started = performance.now()
  t.match(describeAt(dir, ENV), { name: 'acme', contract: '1.0.0', hasStandardEndpoint: true })
  t.ok(performance.now() - started < 10_000, 'nor its process from ending')
})

const PRINTS = `
process.stdout.write('half a line')
process.stdout.write('\\n{"level":30,"id":1,"msg":"a log of JSON"}\\n[1]\\n.')
setInterval(() => process.stdout.write('.'), 1)
process.on('exit', () => process.stdout.write('\\n{"level":30}\\nbye'))
`

t.test('a package that prints without end, and JSON too, is still understood', async (t) => {
  const dir = packageOf(t, PRINTS)
  const used = async (): Promise<unknown> => {
    const driver = await (await packageFactory(dir, ENV))?.open(driverDeps(dir))
    const machine = { name: 'a', id: 'a1', storeId: 's', dir, config: {}, resources: [] }
    return await driver?.states([machine], new AbortController().signal)
  }
  t.strictSame(await withDeadline('the states', 30_000, used), [{ id: 'a1', state: 'Running' }])
})

t.test('a package that cannot be loaded answers every request with why', async (t) => {
  const dir = packageOf(t, "throw new Error('no such luck')")
  const { child, said } = hosted(t, dir)
  child.stdin?.write(
    '{"id":1,"call":"open","args":[{"cacheDir":""}]}\n{"id":2,"call":"states","args":[[]]}\n',
  )
  const lines = (): string[] => said().match(/^.+\n/gm) ?? []
  await poll(20_000, () => Promise.resolve(lines().length > 1), 20)
  const answers = lines().map((line) => JSON.parse(line) as unknown)
  const error = { name: 'MachineError', code: 'driver', message: /cannot be loaded: no such luck/ }
  t.match(answers, [
    { id: 1, error },
    { id: 2, error },
  ])
  t.throws(() => describeAt(dir, ENV), { code: 'driver', message: /no such luck/, evidence: /index\.js:1/ })
})

t.test('a package for another contract is told apart before its driver is opened', async (t) => {
  t.throws(() => describeAt(packageOf(t, '', '7.0.0'), ENV), {
    message: /written for driver contract 7\.0\.0/,
  })
})

t.test('a process ends with its parent, whatever the package has left running', async (t) => {
  const { child, said } = hosted(t, packageOf(t, 'setInterval(() => undefined, 1000)'))
  child.stdin?.write('{"id":1,"call":"open","args":[{"cacheDir":""}]}\n')
  await poll(20_000, () => Promise.resolve(said().includes('"id":1')), 20)
  const ended = once(child, 'exit')
  child.stdin?.end()
  const started = performance.now()
  t.strictSame(await ended, [0, null])
  t.ok(performance.now() - started < 15_000)
})

t.test('a package is meant by its path, which records name', async (t) => {
  for (const word of ['.', './a', '../a', '/a/b', 'a/b.js']) t.equal(isDriverPath(word), true, word)
  for (const word of ['acme', 'plugin:acme', 'docker-machine:acme', 'a.b'])
    t.equal(isDriverPath(word), false, word)
  const dir = packageOf(t, '')
  const factory = await packageFactory(dir, ENV)
  t.equal(factory?.name, dir)
  t.equal((await packageFactory(join(dir, 'index.js'), ENV))?.name, join(dir, 'index.js'))
  await t.rejects(packageFactory(join(dir, 'none'), ENV), { code: 'usage', message: /There is no driver at/ })
  const driver = await factory?.open(driverDeps(dir))
  t.strictSame(
    Object.keys(driver ?? {})
      .sort()
      .join(' '),
    'create endpoint kill preflight remove start states stop',
  )
})
