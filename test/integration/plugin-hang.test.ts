/** Every call of a real plugin (Go's own net/rpc) that never ends, or ends in another way than with an answer. */
import { join } from 'node:path'
import t from 'tap'
import { DEADLINES, type Deadlines } from '../../src/drivers/plugin/session/deadlines.js'
import { PluginSession } from '../../src/drivers/plugin/session/plugin-session.js'
import {
  PLUGIN_STATES,
  type PluginMethod,
  type PluginMethods,
} from '../../src/drivers/plugin/wire/plugin-api.js'
import { RpcPluginClient } from '../../src/drivers/plugin/wire/rpc-client.js'
import { goProgram } from '../helpers/go-programs.js'
import { GoProvider, type GoRule } from '../helpers/go-provider.js'
import { size } from '../sizes.js'

t.setTimeout(300_000)

const SHORT_MS = 400
/** A deadline, and what ending a process takes at most: asked, told, killed. */
const QUICK_MS = SHORT_MS + 6_000
const program = join(await goProgram('plugin'), 'docker-machine-driver-godouble')
const dir = t.testdir({ machines: { web: {} } })
const provider = new GoProvider(dir)
const hasty = Object.fromEntries(
  Object.keys(DEADLINES).map((kind) => [kind, SHORT_MS]),
) as unknown as Deadlines
const running = PLUGIN_STATES.indexOf('Running')

/** The state of a machine that is there. */
const STATE = JSON.stringify({
  ...{ MachineName: 'web', StorePath: dir, ProviderFile: provider.file, ApiToken: 'x', ServerID: 'srv-1' },
})

const ARGUMENTS: { readonly [M in PluginMethod]: PluginMethods[M]['argument'] } = {
  ...{ GetVersion: undefined, Heartbeat: undefined, Close: undefined, GetCreateFlags: undefined },
  ...{ SetConfigRaw: STATE, GetConfigRaw: undefined, SetConfigFromFlags: { 'godouble-size': 'big' } },
  ...{ DriverName: undefined, GetMachineName: undefined, GetIP: undefined, GetSSHHostname: undefined },
  ...{ GetSSHKeyPath: undefined, GetSSHPort: undefined, GetSSHUsername: undefined, GetURL: undefined },
  ...{ GetState: undefined, PreCreateCheck: undefined, Create: undefined, Remove: undefined },
  ...{ Start: undefined, Stop: undefined, Restart: undefined, Kill: undefined },
}

/** These are answered beside all others; unit tests of the session have them. */
const METHODS = (Object.keys(ARGUMENTS) as PluginMethod[]).filter(
  (method) => method !== 'Heartbeat' && method !== 'Close',
)

/** Each of another kind first. */
function chosen(count: number): readonly PluginMethod[] {
  const first: readonly PluginMethod[] = ['GetVersion', 'SetConfigRaw', 'Create', 'GetState', 'Stop']
  return [...new Set([...first, ...METHODS])].slice(0, count)
}

/** What happens in the call, and what its error is. */
const FAULTS: readonly (readonly [Omit<GoRule, 'at'>, { code: string; message: RegExp }])[] = [
  [{ do: 'hang' }, { code: 'timeout', message: /answer to METHOD after 0\.4 s/ }],
  [{ do: 'silence' }, { code: 'timeout', message: /answer to METHOD after 0\.4 s/ }],
  [
    { do: 'exit', status: 7 },
    { code: 'driver', message: /ended with status 7/ },
  ],
  [{ do: 'disconnect' }, { code: 'driver', message: /closed its connection|did not answer METHOD/ }],
  [{ do: 'garbage' }, { code: 'driver', message: /does not speak the plugin protocol|METHOD/ }],
]

function begin(...script: readonly GoRule[]): void {
  const server = { id: 'srv-1', name: 'web', state: 'Running', address: '127.0.0.1' }
  provider.change(() => [server])
  provider.forget()
  provider.script(...script)
}

async function openAndCall(method: PluginMethod, deadlines: Deadlines): Promise<unknown> {
  const session = await PluginSession.open({
    ...{ driver: 'godouble', program, machine: { name: 'web', state: STATE }, deadlines },
    env: { ...process.env, ...provider.env },
    onLog: () => undefined,
    connect: (address, options) => RpcPluginClient.connect(address, options),
  })
  try {
    return await session.call(method, ARGUMENTS[method])
  } finally {
    await session.end()
  }
}

t.test('without faults every method is answered', async (t) => {
  for (const method of METHODS) {
    begin()
    await t.resolves(openAndCall(method, DEADLINES), method)
    if (method === 'GetState') t.equal(await openAndCall(method, DEADLINES), running)
  }
  t.same(provider.alive(), [])
})

for (const [fault, { code, message }] of FAULTS)
  t.test(`${fault.do} in any call is a typed error within its deadline, and leaves no process`, async (t) => {
    for (const method of chosen(size('pluginFaults'))) {
      begin({ ...fault, at: method })
      const expected = { code, message: new RegExp(message.source.replaceAll('METHOD', method)) }
      const started = performance.now()
      await t.rejects(openAndCall(method, hasty), expected, method)
      const took = performance.now() - started
      t.ok(took < QUICK_MS, `${method}: ${Math.round(took)} ms`)
      t.same(provider.alive(), [], method)
    }
  })
