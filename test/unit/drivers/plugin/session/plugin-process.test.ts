import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import {
  PluginProcess,
  type PluginProcessOptions,
} from '../../../../../src/drivers/plugin/session/plugin-process.js'
import { processStart } from '../../../../../src/util/exec.js'
import { type Behaviour, linePlugin } from '../../../../doubles/line-plugin/index.js'
import { poll } from '../../../../helpers/poll.js'

interface Line {
  readonly level: string
  readonly line: string
}

function bench(t: Test, behaviour?: Behaviour, more: Partial<PluginProcessOptions> = {}) {
  const plugin = linePlugin(t, behaviour)
  const log: Line[] = []
  const { program, env } = plugin
  const onLog = (level: string, line: string): void => void log.push({ level, line })
  const start = () => PluginProcess.start({ driver: 'dbl', program, env, onLog, ...more })
  const left = () => plugin.pids().filter((pid) => processStart(pid) !== undefined)
  return { ...plugin, log, start, left }
}

t.test(
  'a plugin tells its address, gets the token and its driver name, and ends when it is told to',
  async (t) => {
    const env = {
      ...bench(t).env,
      HTTPS_PROXY: 'http://proxy',
      TSMACHINE_SECRET: 'x',
      TSMACHINE_PLUGIN_DEPTH: '1',
    }
    const { start, entries, left } = bench(t, {}, {})
    const process = await start()
    t.match(process.address, { host: '127.0.0.1', port: Number })
    t.same(left(), [process.pid])
    await process.end()
    t.same(left(), [])
    t.match(await process.ended, { code: 'driver', message: /dbl ended with SIGTERM/ })
    t.match(entries()[0]?.env, {
      MACHINE_PLUGIN_TOKEN: '42',
      MACHINE_PLUGIN_DRIVER_NAME: 'dbl',
      TSMACHINE_PLUGIN_DEPTH: '1',
    })

    const other = linePlugin(t)
    const inherited = { ...env, PLUGIN_DOUBLE: other.env.PLUGIN_DOUBLE }
    await (
      await PluginProcess.start({
        driver: 'dbl',
        program: other.program,
        env: inherited,
        onLog: () => undefined,
      })
    ).end()
    const seen = other.entries()[0]?.env ?? {}
    t.equal(seen['HTTPS_PROXY'], 'http://proxy', 'our environment is handed on')
    t.equal(seen['TSMACHINE_SECRET'], undefined, 'what is for us alone is not')
    t.equal(seen['TSMACHINE_PLUGIN_DEPTH'], '2')
    t.notOk('MACHINE_DEBUG' in seen)
  },
)

t.test('a plugin that tells no address in time is ended, and its stderr is in the error', async (t) => {
  const { start, left } = bench(
    t,
    { address: false, stderr: 'waiting for a licence' },
    { addressDeadlineMs: 1_500 },
  )
  await t.rejects(start(), {
    code: 'driver',
    message: /plugin server address for RPC: Failed to dial the plugin server in 1.5s/,
    evidence: 'waiting for a licence',
  })
  t.same(left(), [])
})

for (const [what, address] of Object.entries({
  'an empty line': '',
  'a sentence': 'Loading driver, please wait',
  'no port': '127.0.0.1',
  'port 0': '127.0.0.1:0',
  'a port too high': '127.0.0.1:65536',
  'another computer': '192.0.2.1:4000',
  'all addresses': '0.0.0.0:4000',
  'another computer, IPv6': '[2001:db8::1]:4000',
  'a name': 'localhost:4000',
}))
  t.test(`a first line that is ${what} is refused, and the plugin is ended`, async (t) => {
    const { start, left } = bench(t, { address })
    await t.rejects(start(), {
      code: 'driver',
      message: `began with ${JSON.stringify(address)} instead of an address`,
    })
    t.same(left(), [])
  })

t.test('a loopback address other than 127.0.0.1 is taken', async (t) => {
  for (const [address, host] of [
    ['127.8.8.8:4000', '127.8.8.8'],
    ['[::1]:4000', '::1'],
  ] as const) {
    const process = await bench(t, { address }).start()
    t.same(process.address, { host, port: 4000 })
    await process.end()
  }
})

t.test('a plugin that ends before its address is reported at once, with status and stderr', async (t) => {
  const { start } = bench(t, { exit: 3, stderr: 'Unsupported driver: dbl' }, { addressDeadlineMs: 60_000 })
  const began = performance.now()
  await t.rejects(start(), {
    code: 'driver',
    message: /ended with status 3/,
    evidence: 'Unsupported driver: dbl',
  })
  t.ok(performance.now() - began < 20_000)
})

t.test('a program that cannot be started is an error without our environment in it', async (t) => {
  const broken = join(t.testdir({}), 'broken')
  writeFileSync(broken, '#!/no/such/interpreter\n', { mode: 0o755 })
  for (const [program, why] of [
    [broken, 'its interpreter is missing'],
    ['/no/such/program', 'spawn /no/such/program ENOENT'],
  ] as const) {
    const started = bench(t, {}, { program }).start()
    await t.rejects(started, { code: 'driver', message: new RegExp(`could not be started: ${why}`) })
    await started.catch((error: unknown) => t.notMatch(inspect(error), /PLUGIN_DOUBLE/))
  }
})

t.test('a plugin is not started by a plugin that was started by a plugin', async (t) => {
  const { env, start, pids } = bench(t)
  await t.rejects(bench(t, {}, { env: { ...env, TSMACHINE_PLUGIN_DEPTH: '2' } }).start(), {
    code: 'driver',
    message: /in a circle/,
  })
  t.same(pids(), [])
  await (await start()).end()
})

t.test('an abort while the address is awaited ends the plugin and throws the reason', async (t) => {
  const stop = new AbortController()
  const { start, left, pids } = bench(t, { address: false }, { signal: stop.signal })
  const reason = new Error('Ctrl-C')
  const starting = t.rejects(start(), reason)
  await poll(20_000, () => Promise.resolve(pids().length > 0), 20)
  stop.abort(reason)
  await starting
  t.same(left(), [])
})

t.test(
  'later lines of stdout are told to the user, stderr is for debugging, and all of a flood is read',
  async (t) => {
    const { start, log } = bench(t, { flood: 20_000 })
    const process = await start()
    await poll(60_000, () => Promise.resolve(log.length >= 40_000), 20)
    await process.end()
    const [info, debug] = ['info', 'debug'].map((level) => log.filter((entry) => entry.level === level))
    t.equal(info?.length, 20_000)
    t.match(info?.[19_999]?.line, /^out 19999 o+$/)
    t.equal(debug?.length, 20_000)
    t.match(debug?.[0]?.line, /^err 0 e+$/)
    t.equal(process.words.length, 3_999, 'the end of stderr is kept, and no more')
    t.match(process.words, /err 19999 e+$/)
  },
)

t.test('a line of megabytes is cut, and the next one is whole', async (t) => {
  const { start, log } = bench(t, { longLine: 3_000_000 })
  const process = await start()
  await poll(20_000, () => Promise.resolve(log.length === 2), 20)
  await process.end()
  t.match(log[0]?.line, /^x{8192} \.\.\. \(2991808 characters more\)$/)
  t.equal(log[1]?.line, 'after the long line')
})

t.test('one that does not go when asked and ignores SIGTERM is killed', async (t) => {
  const { start, left, entries } = bench(t, { ignores: ['SIGTERM'] })
  const process = await start()
  await process.end(() => Promise.reject(new Error('no answer')))
  t.same(left(), [])
  t.ok(
    entries().some(({ signal }) => signal === 'SIGTERM'),
    'politely at first',
  )
  t.match(await process.ended, { message: /ended with SIGKILL/ })
})
