/** A server of a lost store becomes a machine of this one: known by its tags, reached with a key of the user's own. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { adoptMachine } from '../../src/machine/adopt.js'
import { clientConfig } from '../../src/machine/client-config.js'
import { createMachine } from '../../src/machine/create.js'
import { surveyLeftovers, YOUNGEST_MS } from '../../src/machine/gc.js'
import { removeMachine } from '../../src/machine/remove.js'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { ensureCa } from '../../src/tls/authority.js'
import { issueServer } from '../../src/tls/server.js'
import { FakeEngine } from '../doubles/engine.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { fakeFlags, hostedFactory } from '../helpers/hosted-driver.js'
import { hastyClock } from '../helpers/hasty-clock.js'
import { machineContext } from '../helpers/machine-context.js'
import { machineOptions } from '../helpers/records.js'
import { scriptedHost } from '../helpers/scripted-host.js'

const OLD = '203.0.113.7'
const NEW = '192.0.2.99'

/** A machine whose computer is gone, and a new computer with nothing but credentials and a key of the user's. */
async function bench(t: Test) {
  const dir = scratchDir(t)
  const provider = new FakeProvider(join(dir, 'provider'))
  const host = await scriptedHost(t, machineContext({ dir: join(dir, 'old') }))
  const at = (caller: string): void => {
    host.seesUsAt(caller)
    Object.assign(host.hosting, { caller })
  }
  const computer = (name: string) =>
    machineContext({
      dir: join(dir, name),
      env: { HOME: dir, DOCKER_CONFIG: join(dir, name, 'docker'), FAKE_DIR: provider.dir },
      factories: { fake: hostedFactory(host.hosting) },
    })
  const [old, next] = [computer('old'), computer('new')]
  at(OLD)
  const flagValues = fakeFlags(provider.dir)
  await createMachine(old, { name: 'web', driver: 'fake', flagValues, options: machineOptions() })
  const keys = join(host.sshd.dir, 'authorized_keys')
  const extra = generateKeyPair('rescue')
  const keyPath = join(dir, 'rescue')
  writeFileSync(keyPath, extra.privatePem, { mode: 0o600 })
  appendFileSync(keys, `\n${extra.publicLine}\n`)
  const ca = await ensureCa(next.store.certsDir, { clock: next.clock })
  const pair = await issueServer({ ca, name: 'web', sans: ['127.0.0.1'], clock: next.clock })
  const engine = await FakeEngine.start({ ca: ca.caPem, cert: pair.cert, key: pair.key })
  t.teardown(() => engine.stop())
  Object.assign(host.hosting, { enginePort: engine.port })
  at(NEW)
  const authorized = (): readonly string[] => readFileSync(keys, 'utf8').split('\n').filter(Boolean)
  const rules = () => {
    const { servers, firewalls } = provider.read()
    return firewalls.find(({ name }) => name === servers[0]?.firewall)?.rules
  }
  const adopt = (more: { target?: string; keyPath?: string; name?: string } = {}) =>
    adoptMachine({ ...next, clock: hastyClock(10) }, { driver: 'fake', target: 'web', keyPath, ...more })
  return { old, next, provider, host, adopt, authorized, rules, extra }
}

t.test('a server is found, pinned by its tag, and becomes ours alone', async (t) => {
  const { old, next, provider, adopt, authorized, rules, extra } = await bench(t)
  const theirs = readFileSync(join(old.store.dir('web'), 'id_rsa.pub'), 'utf8').trim()
  t.ok(authorized().includes(theirs))
  t.equal(await adopt({ name: 'web2' }), 'web2')
  const { ledger } = next.store.get('web2')
  t.match(ledger, {
    phase: 'ready',
    machineId: old.store.get('web').ledger?.machineId,
    hostKeys: { current: old.store.get('web').ledger?.hostKeys?.current, rotated: true },
    access: { here: `${NEW}/32`, rules: { ssh: [`${NEW}/32`], engine: [`${NEW}/32`] } },
  })
  t.equal(ledger?.storeId, undefined, 'its tags are of this store now')
  t.same(rules(), { ssh: [`${NEW}/32`], engine: [`${NEW}/32`] }, 'the lost computer is let in no more')
  const ours = readFileSync(join(next.store.dir('web2'), 'id_rsa.pub'), 'utf8').trim()
  t.same(authorized(), [extra.publicLine, ours], 'the key of the lost store is gone')
  t.match(provider.read().servers[0]?.tags, {
    'tsmachine-store': next.store.knownId(),
    'tsmachine-name': 'web2',
  })
  t.match(await clientConfig(next, 'web2'), { name: 'web2' })
  const request = { allStores: false, olderThanMs: YOUNGEST_MS, ids: [], driver: 'fake' }
  provider.age(2 * YOUNGEST_MS)
  t.same((await surveyLeftovers(next, request)).leftovers, [], 'nothing of it is left over')
  await t.rejects(adopt({ target: 'srv-1' }), { code: 'exists', message: /machine of this store already/ })
  await removeMachine(next, 'web2', { force: false })
  t.same(provider.read().servers, [])
})

t.test('without a way in, or with the wrong key: said, and nothing is changed', async (t) => {
  const { next, provider, adopt, authorized, rules } = await bench(t)
  const before = [authorized(), provider.read().servers[0]?.tags]
  await t.rejects(adoptMachine(next, { driver: 'fake', target: 'web' }), {
    code: 'ssh',
    message: /no way in to web/,
    hints: [/--ssh-key/, /import/, /tsmachine gc srv-1/],
  })
  t.notOk(next.store.exists('web'))
  const wrong = join(next.store.root, 'wrong')
  writeFileSync(wrong, generateKeyPair('wrong').privatePem, { mode: 0o600 })
  await t.rejects(adopt({ keyPath: wrong }), { code: 'ssh', message: /refused our key/ })
  t.same([authorized(), provider.read().servers[0]?.tags], before)
  t.same(rules(), { ssh: [], engine: [] }, 'what was opened for the try is closed')
  provider.script([{ call: 'createFirewall', after: 1, kind: 'fail' }])
  await t.rejects(adopt({ keyPath: wrong }), { code: 'ssh' })
  t.match(next.events.at(-1), {
    type: 'warn',
    text: /still be open.*tsmachine adopt --driver fake srv-1 --ssh-key FILE; or .*tsmachine rm web$/,
  })
  t.match(rules()?.ssh, ['0.0.0.0/0', '::/0'])
  await t.rejects(adopt({ keyPath: wrong }), { code: 'ssh' })
  t.same(rules(), { ssh: [], engine: [] }, 'the next try closes it, also when it fails')
  t.equal(await adopt(), 'web', 'the same name goes on with it')
})

t.test('what was opened to get in is closed again when the server cannot be taken over', async (t) => {
  const { next, adopt, rules } = await bench(t)
  const fake = await next.drivers.load('fake')
  let isRefused = true
  const load = () =>
    Promise.resolve({
      ...fake,
      open: async (deps: typeof next.driverDeps) => {
        const driver = await fake.open(deps)
        const label = driver.label?.bind(driver)
        return Object.assign(driver, {
          label: (...told: Parameters<NonNullable<typeof label>>) =>
            isRefused ? Promise.reject(new Error('no labels today')) : label?.(...told),
        })
      },
    })
  Object.assign(next.drivers, { load })
  await t.rejects(adopt(), { message: /no labels today/ })
  t.same(rules(), { ssh: [], engine: [] })
  isRefused = false
  t.equal(await adopt(), 'web', 'the next try gets in all the same')
  t.same(rules()?.ssh, [`${NEW}/32`])
})

t.test('another server at that address is refused, and one whose key nobody has kept', async (t) => {
  const { provider, adopt, host } = await bench(t)
  const tag = (print: string | undefined): void =>
    provider.change('srv-1', ({ tags, ...server }) => {
      const { 'tsmachine-hostkey': _old, ...others } = tags
      return { ...server, tags: print === undefined ? others : { ...others, 'tsmachine-hostkey': print } }
    })
  const calls = host.calls().length
  tag('0'.repeat(64))
  await t.rejects(adopt(), { code: 'host-key', message: /IS NOT THE PINNED ONE/ })
  t.equal(host.calls().length, calls, 'nothing was said to it')
  tag(undefined)
  await t.rejects(adopt(), {
    code: 'host-key',
    message: /Nobody has kept/,
    hints: [/--generic-host-key$/, /gc srv-1/],
  })
})

t.test('what is not there, and a name that is taken', async (t) => {
  const { next, provider, adopt } = await bench(t)
  await t.rejects(adopt({ target: 'srv-7' }), { code: 'not-found', hints: [/gc --driver fake/] })
  await t.rejects(adopt({ name: 'a_b' }), { code: 'usage' })
  const flagValues = fakeFlags(provider.dir)
  const fake = await next.drivers.load('fake')
  const capabilities = { ...fake.capabilities, ssh: false }
  Object.assign(next.drivers, { load: () => Promise.resolve({ ...fake, capabilities }) })
  await createMachine(next, { name: 'web', driver: 'fake', flagValues, options: machineOptions() })
  await t.rejects(adopt({ target: 'srv-1' }), { code: 'exists', message: /already exists/ })
})
