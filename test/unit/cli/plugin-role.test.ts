import t from 'tap'
import { pluginWords } from '../../../src/cli/plugin-role.js'
import { pluginReport } from '../../../src/cli/serve-log.js'
import { PluginLife } from '../../../src/cli/serve-plugin.js'
import type { ReportEvent } from '../../../src/contracts/events.js'

const TOKEN = { MACHINE_PLUGIN_TOKEN: '42' }

t.test(
  'the name that we are called by says which driver is served, and what its host calls it',
  async (t) => {
    t.same(pluginWords('docker-machine-driver-ts-hetzner', {}), [
      'driver',
      'serve',
      '--as',
      'ts-hetzner',
      'hetzner',
    ])
    t.same(pluginWords('docker-machine-driver-qemu', TOKEN), ['driver', 'serve', '--as', 'qemu', 'qemu'])
    t.equal(pluginWords('tsmachine', TOKEN), undefined)
    t.equal(pluginWords('docker-machine', {}), undefined)
    t.equal(pluginWords('docker-machine', { MACHINE_PLUGIN_TOKEN: '41' }), undefined)
  },
)

t.test('as docker-machine with a token we serve what we have, and hand over the rest', async (t) => {
  const asked = (name: string) =>
    pluginWords('docker-machine', { ...TOKEN, MACHINE_PLUGIN_DRIVER_NAME: name })
  t.same(asked('digitalocean'), ['driver', 'serve', '--as', 'digitalocean', 'digitalocean'])
  t.same(asked('virtualbox'), ['driver', 'serve', '--hand-over', 'virtualbox'])
  t.same(pluginWords('docker-machine', TOKEN), ['driver', 'serve', '--hand-over', ''])
})

function logged(...events: ReportEvent[]): { stdout: string; stderr: string } {
  const said = { stdout: '', stderr: '' }
  const into = (name: 'stdout' | 'stderr') => ({
    write: (text: string | Uint8Array) => {
      said[name] += String(text)
      return true
    },
  })
  const report = pluginReport({ stdout: into('stdout'), stderr: into('stderr') })
  for (const event of events) report(event)
  return said
}

t.test('what a user should see goes to stdout, what debuggers want to stderr', async (t) => {
  const said = logged(
    { type: 'info', text: 'one\ntwo' },
    { type: 'warn', text: 'three' },
    { type: 'error', text: 'four' },
    { type: 'debug', text: 'five' },
    { type: 'progress', text: 'six' },
    { type: 'stage', machine: 'web', stage: 'boot', state: 'start', text: 'Waiting' },
    { type: 'stage', machine: 'web', stage: 'boot', state: 'done', text: 'Waiting' },
    { type: 'stage', machine: 'web', stage: 'make', state: 'start', text: 'Creating machine' },
    { type: 'part', machine: 'web', text: 'key', state: 'start' },
  )
  t.same(said, { stdout: 'one\ntwo\nthree\nfour\nWaiting...\n', stderr: 'five\nsix\n' })
})

t.test('no line is longer than what a host in Go reads', async (t) => {
  const { stdout } = logged({ type: 'info', text: 'ä'.repeat(70_000) })
  const lines = stdout.split('\n')
  t.ok(lines.every((line) => Buffer.byteLength(line) < 65_536))
  t.equal(lines.join(''), 'ä'.repeat(70_000))
})

const NEVER = new AbortController().signal

t.test('a plugin ends without heartbeats, also before the first; each one is a new beginning', async (t) => {
  t.equal(await new PluginLife(20, NEVER).ended, 1)
  const life = new PluginLife(120, NEVER)
  const started = performance.now()
  const beat = setInterval(() => life.heard(), 20)
  setTimeout(() => clearInterval(beat), 400)
  t.equal(await life.ended, 1)
  t.ok(performance.now() - started > 450)
})

t.test('Close ends it well, and a signal with its own status', async (t) => {
  const life = new PluginLife(60_000, NEVER)
  life.end(0)
  t.equal(await life.ended, 0)
  const interrupted = new AbortController()
  const other = new PluginLife(60_000, interrupted.signal)
  interrupted.abort(new Error('no status of its own'))
  t.equal(await other.ended, 1)
})
