/** `driver install`, `ls` and `rm` with the real npm and a registry on the loopback address. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageFactory } from '../../src/drivers/package/factory.js'
import { NpmRegistry } from '../doubles/npm-registry/index.js'
import { type Outcome, TestUser } from '../helpers/cli.js'
import { driverDeps, scratchDir } from '../helpers/driver-deps.js'
import { driverPackage } from '../helpers/driver-package.js'
import { NEVER } from '../helpers/never.js'
import { poll } from '../helpers/poll.js'

t.setTimeout(300_000)

const registry = await NpmRegistry.start()
const user = new TestUser()
t.teardown(async () => {
  await registry.stop()
  rmSync(user.home, { recursive: true, force: true })
})
const drivers = join(user.home, '.local/share/tsmachine/drivers')
const list = join(drivers, 'drivers.json')

async function driver(...words: string[]): Promise<Outcome> {
  return await user.tsmachine(['driver', ...words], { env: registry.env })
}

function folders(): readonly string[] {
  return existsSync(join(drivers, 'packages')) ? readdirSync(join(drivers, 'packages')) : []
}

/** Refused with these words, and everything is as it was. */
async function refused(t: Test, words: readonly string[], code: number, message: RegExp): Promise<void> {
  const before = existsSync(list) ? readFileSync(list, 'utf8') : ''
  const packages = folders()
  const outcome = await driver(...words)
  t.equal(outcome.code, code, words.join(' '))
  t.match(outcome.stderr, message)
  t.equal(existsSync(list) ? readFileSync(list, 'utf8') : '', before, 'the list is as it was')
  t.strictSame(folders(), packages, 'nothing lies there that did not')
}

t.test('a package is installed, listed and replaced, and none of its scripts runs', async (t) => {
  const ran = join(user.home, 'ran')
  const scripts = { preinstall: `touch ${ran}`, install: `touch ${ran}`, postinstall: `touch ${ran}` }
  registry.publish({
    'package.json': JSON.stringify({ name: 'helper', version: '1.0.0', scripts }),
    'index.js': 'export const one = 1',
  })
  const more = { scripts, dependencies: { helper: '1.0.0' } }
  registry.publish(driverPackage('acme', { more }))
  registry.publish(driverPackage('acme', { version: '1.1.0', more }))

  const first = await driver('install', 'tsmachine-driver-acme@1.0.0')
  t.equal(first.code, 0, first.stderr)
  t.match(
    first.stdout,
    /Installed tsmachine-driver-acme 1\.0\.0\nIntegrity: sha512-\S+\nUse it: tsmachine create --driver acme/,
  )
  const second = await driver('install', 'tsmachine-driver-acme', '--json')
  t.match(JSON.parse(second.stdout), {
    command: 'driver install',
    result: {
      name: 'acme',
      package: 'tsmachine-driver-acme',
      version: '1.1.0',
      previous: '1.0.0',
      contract: '1.0.0',
    },
  })
  t.notOk(existsSync(ran), 'no script ran')
  t.equal(folders().length, 1, 'the earlier one is gone')
  t.equal(statSync(list).mode & 0o777, 0o600)
  const rows = JSON.parse((await driver('ls', '--json')).stdout) as { result: [{ path: string }] }
  t.match(rows.result, [{ name: 'acme', version: '1.1.0', integrity: /^sha512-/, ok: true }])
  t.ok(existsSync(join(rows.result[0].path, '..', 'helper')), 'with what it depends on')
  t.match((await driver('ls')).stdout, /^acme +tsmachine-driver-acme +1\.1\.0 +1\.0\.0 +yes +sha512-/m)
})

t.test('a folder and a tarball are installed as they would be published', async (t) => {
  const dir = join(user.home, 'tsmachine-driver-local')
  mkdirSync(dir)
  for (const [name, text] of Object.entries(
    driverPackage('local', { packageName: '@me/tsmachine-driver-local' }),
  ))
    writeFileSync(join(dir, name), text)
  t.match(
    (await driver('install', dir)).stdout,
    /Installed @me\/tsmachine-driver-local 1\.0\.0\nIntegrity: sha512-/,
  )
  const packed = await user.run('npm', ['pack', '--pack-destination', user.home], {
    cwd: dir,
    env: registry.env,
  })
  const again = await driver('install', join(user.home, packed.stdout.trim()))
  t.match(again.stdout, /Integrity: sha512-/, again.stderr)
  rmSync(dir, { recursive: true })
  t.match(JSON.parse((await driver('ls', '--json')).stdout), {
    result: [{ name: 'acme' }, { name: 'local', package: '@me/tsmachine-driver-local', ok: true }],
  })
})

t.test("npm's global configuration counts, and a project above does not", async (t) => {
  registry.publish(driverPackage('configured'))
  const { npm_config_registry: url, ...others } = registry.env
  const prefix = join(user.home, 'npm-prefix')
  mkdirSync(join(prefix, 'etc'), { recursive: true })
  writeFileSync(join(prefix, 'etc', 'npmrc'), `registry=${url ?? ''}\n`)
  const above = join(user.home, 'package.json')
  writeFileSync(above, '{"private":true,"workspaces":[".local/share/tsmachine/drivers/packages/*"]}\n')
  const { code, stderr } = await user.tsmachine(['driver', 'install', 'tsmachine-driver-configured'], {
    env: { ...others, npm_config_prefix: prefix },
  })
  t.equal(code, 0, stderr)
  t.notMatch(readFileSync(above, 'utf8'), /configured/)
  t.notOk(existsSync(join(user.home, 'node_modules')))
  rmSync(above)
  t.equal((await driver('rm', 'configured')).code, 0)
})

t.test('help of create shows the flags of a driver that is named by its path', async (t) => {
  const dir = join(user.home, 'drivers-of-mine', 'tsmachine-driver-near')
  mkdirSync(dir, { recursive: true })
  for (const [name, text] of Object.entries(driverPackage('near'))) writeFileSync(join(dir, name), text)
  for (const words of [
    ['--driver', '.'],
    ['--driver=.'],
    ['-d', '../tsmachine-driver-near'],
    ['--driver', dir],
  ]) {
    const { stdout, stderr } = await user.tsmachine(['create', ...words, '--help'], { cwd: dir })
    t.match(stdout, /--near-token=/, `${words.join(' ')}: ${stderr}`)
    t.notMatch(stdout, /--qemu-[a-z-]+=/)
  }
})

t.test('what is no driver for this program is refused, and nothing is left of it', async (t) => {
  registry.publish(driverPackage('newer', { contract: '1.99.0' }))
  registry.publish(driverPackage('older', { contract: '0.9.0' }))
  registry.publish(driverPackage('throws', { code: "throw new Error('no such luck')\n" }))
  registry.publish(driverPackage('qemu'))
  registry.publish(driverPackage('other', { packageName: 'tsmachine-driver-misnamed' }))
  registry.publish(driverPackage('acme', { packageName: '@else/tsmachine-driver-acme' }))
  registry.publish({ ...driverPackage('bare'), 'index.js': 'export const something = 1' })
  const install = (word: string, code: number, message: RegExp): Promise<void> =>
    refused(t, ['install', word], code, message)
  await install('tsmachine-driver-newer', 1, /written for driver contract 1\.99\.0, .* update tsmachine/)
  await install('tsmachine-driver-older', 1, /driver contract 0\.9\.0.*ask its author/)
  await install('tsmachine-driver-throws', 1, /cannot be loaded: no such luck/)
  await install('tsmachine-driver-qemu', 1, /has a driver qemu of its own/)
  await install('tsmachine-driver-misnamed', 1, /its driver is called "other", its name says "misnamed"/)
  await install('@else/tsmachine-driver-acme', 1, /is installed from tsmachine-driver-acme/)
  await install('tsmachine-driver-bare', 1, /it has no export "driver"/)
  await install('left-pad', 2, /is not the name of a driver package/)
  await install('--any', 2, /any/)
  await install('./none-such', 2, /\.\/none-such is not there/)
  const asked = registry.asked.length
  for (const word of ['tsmachine-driver-qemu', 'left-pad', './none-such', '@else/tsmachine-driver-acme'])
    t.notMatch((await driver('install', word)).stderr, /Fetching/, word)
  t.equal(registry.asked.length, asked, 'npm was not even asked')
  const { stderr } = await driver('install', 'tsmachine-driver-throws')
  t.match(stderr, /Fetching tsmachine-driver-throws .*\n(.*\n)*.*tsmachine-driver-throws.*cannot be loaded/)
  t.notMatch(stderr, /\.new-/, 'a folder that is gone helps nobody')
})

t.test('what npm says of a failure is shown, and nothing is left', async (t) => {
  await refused(
    t,
    ['install', 'tsmachine-driver-unheard-of'],
    1,
    /npm could not install tsmachine-driver-unheard-of: 404/,
  )
  registry.publish(driverPackage('broken'))
  registry.corrupt = true
  await refused(
    t,
    ['install', 'tsmachine-driver-broken'],
    1,
    /npm could not install tsmachine-driver-broken: .*integrity/,
  )
  registry.corrupt = false
  const offline = { env: { ...registry.env, npm_config_registry: 'http://127.0.0.1:9/' } }
  const outcome = await user.tsmachine(['driver', 'install', 'tsmachine-driver-x'], offline)
  t.equal(outcome.code, 1)
  t.match(outcome.stderr, /npm could not install tsmachine-driver-x: .*(ECONNREFUSED|127\.0\.0\.1:9)/)
  const none = await user.tsmachine(['driver', 'install', 'tsmachine-driver-x'], { env: { PATH: '/none' } })
  t.equal(none.code, 3)
  t.match(none.stderr, /"npm" is not installed or not on PATH/)
})

t.test('Ctrl-C ends npm, and nothing is left', async (t) => {
  const before = folders()
  registry.hangs = true
  const asked = registry.asked.length
  const outcome = await user.tsmachine(['driver', 'install', 'tsmachine-driver-acme@1.0.0'], {
    env: { ...registry.env, npm_config_cache: join(user.home, 'empty-cache') },
    started: (child) =>
      void poll(30_000, () => Promise.resolve(registry.asked.length > asked), 20).then(() =>
        child.kill('SIGINT'),
      ),
  })
  registry.hangs = false
  t.equal(outcome.code, 130)
  t.strictSame(folders(), before)
  t.match((await driver('ls')).stdout, /^acme +tsmachine-driver-acme +1\.1\.0/m, 'what was there still is')
})

t.test('what a killed install left is removed by the next, and two at once both count', async (t) => {
  mkdirSync(join(drivers, 'packages', '.new-0123'), { recursive: true })
  registry.publish(driverPackage('one'))
  registry.publish(driverPackage('two'))
  const outcomes = await Promise.all(
    ['one', 'two'].map((name) => driver('install', `tsmachine-driver-${name}`)),
  )
  for (const { code, stderr } of outcomes) t.equal(code, 0, stderr)
  t.match((await driver('ls')).stdout, /^one .*\n(.*\n)*two /m)
  t.equal(folders().length, 4)
})

t.test('a driver is given its own secrets and nothing else of the environment', async (t) => {
  const env = {
    ...user.env,
    ACME_TOKEN: 'mine',
    DIGITALOCEAN_ACCESS_TOKEN: 'not-yours',
    NODE_OPTIONS: '--no-warnings',
  }
  const factory = await packageFactory('acme', env)
  if (!factory) return t.fail('it is installed')
  t.equal(factory.hasCredentials?.({}, env), true, 'its own variables alone')
  t.strictSame(factory.parse({ 'acme-token': 'mine' }), { ok: true, config: { token: 'mine' } })
  const deps = driverDeps(scratchDir(t))
  t.equal(await factory.open(deps), await factory.open(deps), 'one process for all machines of a run')
  const machine = { name: 'm', id: '1'.repeat(32), storeId: 's', dir: user.home }
  const spec = { machine, config: {}, resources: [], sshUser: 'docker', tags: {} }
  for await (const event of (await factory.open(deps)).create(spec, NEVER)) {
    const seen = JSON.parse('text' in event ? event.text : '{}') as Record<string, string>
    // The test runner has a word with every process that is started.
    const names = Object.keys(seen).filter((name) => !/^(_TAPJS_|NODE_OPTIONS$)/.test(name))
    t.strictSame(names.sort(), ['HOME', 'LANG', 'PATH'])
    t.notMatch(seen['NODE_OPTIONS'], /no-warnings/)
  }
})

t.test('a package whose files are gone or other ones says so, and is installed again', async (t) => {
  const [row] = (JSON.parse((await driver('ls', '--json')).stdout) as { result: [{ path: string }] }).result
  const file = join(row.path, 'index.js')
  writeFileSync(file, readFileSync(file, 'utf8').replace('Servers of acme', 'Servers of somebody else'))
  t.match((await driver('ls')).stdout, /^acme .* no: it has changed since it was installed/m)
  writeFileSync(file, "throw new Error('asked')")
  const help = await user.tsmachine(['create', '--driver', 'acme', '--help'])
  t.match(help.stdout, /--acme-token=/, 'help does not start it')
  rmSync(row.path, { recursive: true })
  t.match((await driver('ls')).stdout, /^acme .* no: .* is gone: install tsmachine-driver-acme again/m)
  await t.rejects(packageFactory('acme', user.env), {
    code: 'usage',
    hints: ['tsmachine driver install tsmachine-driver-acme@1.1.0'],
  })
  await driver('install', 'tsmachine-driver-acme')
  t.match((await driver('ls')).stdout, /^acme .* yes /m)
})

t.test('a driver that machines need stays, unless it is forced; they are listed without it', async (t) => {
  t.equal((await user.tsmachine(['create', '--driver', 'acme', '--acme-token', 'mine', 'dev'])).code, 0)
  t.equal((await user.tsmachine(['status', 'dev'])).stdout, 'Running\n')
  t.notMatch(readFileSync(join(user.store, 'machines/dev/config.json'), 'utf8'), /mine/)
  await refused(t, ['rm', 'acme'], 1, /Machines need the driver acme: dev/)
  const forced = await driver('rm', '--force', 'acme')
  t.equal(forced.code, 0, forced.stderr)
  t.match(
    forced.stderr,
    /These machines stay, .*: dev\. .*tsmachine driver install tsmachine-driver-acme@1\.1\.0/,
  )
  t.match((await user.tsmachine(['ls'])).stdout, /^dev .* acme /m)
  t.not((await user.tsmachine(['start', 'dev'])).code, 0, 'nothing can be done with it')
  await driver('install', 'tsmachine-driver-acme')
  const removed = await user.tsmachine(['rm', '-f', 'dev'])
  t.equal(removed.code, 0, removed.stderr)
  t.match((await user.tsmachine(['drivers'])).stdout, /^acme +Servers of acme/m)
})

t.test('a package is removed', async (t) => {
  await refused(t, ['rm', 'unheard-of'], 1, /No driver package "unheard-of" is installed/)
  const before = folders().length
  t.match((await driver('rm', 'local')).stdout, /Removed @me\/tsmachine-driver-local 1\.0\.0/)
  t.equal(folders().length, before - 1)
  t.equal(await packageFactory('local', user.env), undefined)
})
