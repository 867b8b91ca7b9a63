/** The life of a machine whose driver is a plugin written in Go, on a host that is there already. */
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'
import type { TestUser } from './cli.js'
import { goProgram } from './go-programs.js'
import { GoProvider } from './go-provider.js'
import { runDir } from './run-dir.js'
import { freePort } from './sshd.js'
import type { StockVm } from './stock-vm.js'

/** From `create` to `rm`, with the real docker client in between. */
export async function pluginLife(t: Test, user: TestUser, vm: StockVm): Promise<void> {
  const provider = new GoProvider(runDir('plugin'))
  const env = {
    ...provider.env,
    PATH: [await goProgram('plugin'), user.env['PATH']].join(delimiter),
  }
  const ok = (...words: readonly string[]): Promise<string> => user.ok(words, { env })
  const create = await user.tsmachine(['create', ...(await flags(vm)), 'guest'], { env })
  t.equal(create.code, 0, create.stderr)
  t.match(create.stderr, /\(guest\) Creating server\.\.\.\n/, 'what the plugin prints is told')
  t.match(create.stderr, /host key .* first/i, 'a key that nobody told us is trusted aloud')
  t.same(
    provider.servers.map(({ name, state }) => ({ name, state })),
    [{ name: 'guest', state: 'Running' }],
  )
  const folder = join(user.store, 'machines', 'guest')
  const { Driver } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { Driver: object }
  t.match(Driver, { ApiToken: 'go-double-secret', ServerID: /^srv-/ })
  t.notMatch(readFileSync(join(folder, 'tsmachine.json'), 'utf8'), /go-double-secret/)

  t.match(await ok('ls'), /^guest +- +godouble +Running +tcp:\/\/127\.0\.0\.1:\d+ +v/m)
  const info = await user.docker('guest', ['info', '-f', '{{json .Labels}}'], { env })
  t.match(info.stdout, /"provider=godouble"/, info.stderr)
  t.equal((await ok('ssh', 'guest', 'id', '-un')).trim(), vm.user)

  t.match(await ok('restart', 'guest'), '')
  await ok('stop', 'guest')
  t.equal((await ok('status', 'guest')).trim(), 'Stopped')
  await ok('start', 'guest')
  t.equal((await ok('status', 'guest')).trim(), 'Running')
  t.equal((await user.docker('guest', ['version'], { env })).code, 0)
  await ok('rm', '-y', 'guest')
  t.same(provider.servers, [])
  t.same(provider.alive(), [], 'no process of the plugin is left')
}

async function flags(vm: StockVm): Promise<readonly string[]> {
  const port = await freePort()
  await vm.forward(port, port)
  const options = {
    address: vm.host,
    'ssh-port': vm.sshPort,
    'ssh-user': vm.user,
    'ssh-key': vm.keyPath,
    'engine-port': port,
  }
  const words = Object.entries(options).flatMap(([key, value]) => [`--godouble-${key}`, String(value)])
  return ['--driver', 'godouble', ...words]
}
