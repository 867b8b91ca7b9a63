import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { FlagValues } from '../../../src/contracts/driver.js'
import { Secret } from '../../../src/contracts/secrets.js'
import { createMachine } from '../../../src/machine/create.js'
import { exportMachines, importMachines } from '../../../src/machine/export.js'
import { removeMachine } from '../../../src/machine/remove.js'
import { openDocument, sealDocument } from '../../../src/store/sealed-file.js'
import { FakeProvider } from '../../doubles/fake-driver/provider.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { bareFactory, fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

const PASSPHRASE = 'a horse and a battery'
const TOKEN = 'tok-canary-7'

function bench(t: Test) {
  const dir = scratchDir(t)
  const provider = new FakeProvider(join(dir, 'provider'))
  const file = join(dir, 'machines.export')
  const computer = (name: string, env: Readonly<Record<string, string>> = {}) =>
    machineContext({
      dir: join(dir, name),
      env: { TSMACHINE_EXPORT_PASSPHRASE: PASSPHRASE, ...env },
      factories: { fake: bareFactory },
    })
  const create = async (ctx: ReturnType<typeof computer>, name: string, more: FlagValues = {}) => {
    const flagValues = fakeFlags(provider.dir, more)
    await createMachine(ctx, { name, driver: 'fake', flagValues, options: machineOptions() })
    writeFileSync(join(ctx.store.dir(name), 'id_rsa'), `key of ${name}`, { mode: 0o600 })
  }
  const write = (ctx: ReturnType<typeof computer>, names: readonly string[], withSecrets = false) =>
    exportMachines(ctx, { names, all: false, file, force: true, withSecrets })
  return { dir, provider, file, computer, create, write }
}

t.test('machines go to another computer with keys, certificates and paths of that computer', async (t) => {
  const { provider, file, computer, create, write } = bench(t)
  const [old, next] = [computer('old'), computer('new')]
  await create(old, 'web')
  await create(old, 'db')
  const factory = await old.drivers.load('fake')
  await old.store.update('web', factory.record, (ledger) => ({
    ...ledger,
    ssh: { user: 'docker', keyPath: join(old.store.dir('web'), 'id_rsa') },
    dockerContext: 'web',
  }))
  writeFileSync(join(old.store.dir('web'), 'disk.img'), Buffer.alloc(1024 * 1024 + 1))
  t.same(await write(old, ['web', 'db']), ['web', 'db'])
  t.match(old.events.at(-1), { type: 'warn', text: /over 1 MB.*disk.img/ })
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.notMatch(readFileSync(file, 'latin1'), /key of web|srv-1/)
  t.same(await importMachines(next, file), ['web', 'db'])
  const record = next.store.get('web')
  t.equal(record.ledger?.machineId, old.store.get('web').ledger?.machineId)
  t.equal(record.ledger?.storeId, old.store.knownId(), 'by which its tags are')
  t.equal(record.ledger?.ssh?.keyPath, join(next.store.dir('web'), 'id_rsa'))
  t.equal(record.ledger?.dockerContext, undefined, 'it belongs to the other computer')
  t.notMatch(JSON.stringify(record), join(old.store.root, 'x').slice(0, -1))
  t.equal(readFileSync(join(next.store.dir('web'), 'id_rsa'), 'utf8'), 'key of web')
  t.equal(statSync(join(next.store.dir('web'), 'id_rsa')).mode & 0o777, 0o600)
  t.notOk(existsSync(join(next.store.dir('web'), 'disk.img')))
  for (const name of readdirSync(old.store.certsDir))
    t.same(readFileSync(join(next.store.certsDir, name)), readFileSync(join(old.store.certsDir, name)), name)
  await removeMachine(next, 'web', { force: false })
  await removeMachine(next, 'db', { force: false })
  t.same(
    provider.leftovers().filter((left) => !left.startsWith('tsmachine')),
    [],
  )
})

t.test('a name that exists, or a broken machine among them: nothing is imported', async (t) => {
  const { file, computer, create, write } = bench(t)
  const [old, next] = [computer('old'), computer('new')]
  await create(old, 'web')
  await create(old, 'db')
  await write(old, ['web', 'db'])
  await create(next, 'db')
  const before = readdirSync(join(next.store.root, 'certs'))
  await t.rejects(importMachines(next, file), { code: 'exists', message: /"db" already exists/ })
  t.same(next.store.names(), ['db'])
  const third = computer('third')
  const create2 = third.store.create.bind(third.store)
  third.store.create = async (...args) => {
    if (args[0] === 'db') throw new Error('disk full')
    await create2(...args)
  }
  await t.rejects(importMachines(third, file), { message: /disk full/ })
  t.same(third.store.names(), [])
  t.same(readdirSync(join(next.store.root, 'certs')), before)
})

t.test('an import that was killed carries on, and keeps what it had brought in', async (t) => {
  const { file, computer, create, write } = bench(t)
  const old = computer('old')
  await create(old, 'web')
  await create(old, 'db')
  await write(old, ['web', 'db'])
  const dead = computer('new')
  const real = dead.store.create.bind(dead.store)
  const killed = new Promise<void>((resolve) => {
    dead.store.create = async (...args) => {
      if (args[0] !== 'db') return await real(...args)
      resolve()
      // It does nothing any more, not even cleaning up.
      await new Promise(() => undefined)
    }
  })
  void importMachines(dead, file)
  await killed
  const next = computer('new')
  t.same(next.store.names(), ['web'])
  writeFileSync(join(next.store.dir('web'), 'notes'), 'made since')
  t.same(await importMachines(next, file), ['web', 'db'])
  t.same(next.store.names(), ['db', 'web'])
  t.equal(readFileSync(join(next.store.dir('web'), 'notes'), 'utf8'), 'made since')
  await t.rejects(importMachines(next, file), { code: 'exists' })
})

t.test('an import that was killed while it brought the CA in leaves no half of one', async (t) => {
  const { file, computer, create, write } = bench(t)
  const old = computer('old')
  await create(old, 'web')
  await write(old, ['web'])
  const next = computer('new')
  // What a killed one leaves, and what bad luck or a user may.
  mkdirSync(join(next.store.root, '.certs.new-0123456789ab'), { recursive: true })
  writeFileSync(join(next.store.root, '.certs.new-0123456789ab', 'ca.pem'), 'a')
  mkdirSync(next.store.certsDir)
  await importMachines(next, file)
  t.same(readdirSync(next.store.certsDir).sort(), readdirSync(old.store.certsDir).sort())
  t.same(
    readdirSync(next.store.root).filter((name) => name.startsWith('.')),
    [],
  )
})

t.test('a file that exists is kept without --force', async (t) => {
  const { file, computer, create } = bench(t)
  const ctx = computer('old')
  await create(ctx, 'web')
  writeFileSync(file, 'a private key')
  const request = { names: ['web'], all: false, file, withSecrets: false }
  await t.rejects(exportMachines(ctx, { ...request, force: false }), { code: 'exists', hints: [/--force/] })
  t.equal(readFileSync(file, 'utf8'), 'a private key')
  await exportMachines(ctx, { ...request, force: true })
  t.match(readFileSync(file, 'latin1'), /^tsmachine-export/)
})

t.test('of all machines the one whose record is broken is left out; named, it is an error', async (t) => {
  const { file, computer, create } = bench(t)
  const ctx = computer('old')
  await create(ctx, 'web')
  await create(ctx, 'torn')
  for (const name of ['config.json', 'tsmachine.json']) writeFileSync(join(ctx.store.dir('torn'), name), '{')
  const request = { file, force: false, withSecrets: false }
  const all = { ...request, names: ctx.store.names(), all: true }
  await t.rejects(exportMachines(ctx, { ...all, all: false }), { code: 'store' })
  t.same(await exportMachines(ctx, all), ['web'])
  t.match(ctx.events.at(-1), { type: 'warn', machine: 'torn', text: /"torn" is not in the export: / })
})

t.test('a store that has a CA keeps it', async (t) => {
  const { file, computer, create, write } = bench(t)
  const [old, next] = [computer('old'), computer('new')]
  await create(old, 'web')
  await write(old, ['web'])
  await create(next, 'mine')
  const ca = readFileSync(join(next.store.certsDir, 'ca.pem'))
  await importMachines(next, file)
  t.same(readFileSync(join(next.store.certsDir, 'ca.pem')), ca)
})

t.test('tokens are in it only when asked for, and land in the backend', async (t) => {
  const { provider, file, computer, create, write } = bench(t)
  provider.requireToken(TOKEN)
  const old = computer('old')
  await create(old, 'web', { 'fake-token': TOKEN })
  await write(old, ['web'])
  const poor = computer('poor')
  await importMachines(poor, file)
  await t.rejects(removeMachine(poor, 'web', { force: false }), { code: 'preflight' })
  await write(old, ['web'], true)
  const rich = computer('rich')
  await importMachines(rich, file)
  t.notMatch(JSON.stringify(rich.store.get('web')), TOKEN)
  await removeMachine(rich, 'web', { force: false })
  t.same(provider.read().servers, [])
})

t.test('passphrases: asked for twice, long enough, and never guessed from an error', async (t) => {
  const { file, computer, create, write } = bench(t)
  const answers: string[] = []
  const asked: string[] = []
  const old = { ...computer('old', { TSMACHINE_EXPORT_PASSPHRASE: '' }) }
  Object.assign(old, {
    askSecret: (question: string) => {
      asked.push(question)
      const answer = answers.shift()
      return Promise.resolve(answer === undefined ? undefined : new Secret(answer))
    },
  })
  await create(old, 'web')
  for (const [typed, error] of [
    [[PASSPHRASE, 'another one'], /differ/],
    [['short'], /at least 8/],
    [[], /no terminal/],
  ] as const) {
    answers.splice(0, answers.length, ...typed)
    await t.rejects(write(old, ['web']), { code: 'usage', message: error })
    t.notOk(existsSync(file))
  }
  answers.splice(0, answers.length, PASSPHRASE, PASSPHRASE)
  await write(old, ['web'])
  t.equal(asked.length, 6)
  const next = computer('new', { TSMACHINE_EXPORT_PASSPHRASE: 'not this one' })
  await t.rejects(importMachines(next, file), { code: 'store', message: /passphrase is another one/ })
  await t.rejects(importMachines(next, `${file}.none`), { code: 'not-found' })
})

t.test('a file that was changed, cut or made by somebody else is refused', async (t) => {
  const passphrase = new Secret(PASSPHRASE)
  const sealed = await sealDocument({ root: '/x', storeId: '', certs: [], machines: [] }, passphrase)
  t.same(await openDocument(sealed, passphrase), { root: '/x', storeId: '', certs: [], machines: [] })
  const changed = (at: number): Buffer => {
    const copy = Buffer.from(sealed)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  }
  const body = sealed.indexOf('\n', sealed.indexOf('\n') + 1) + 1
  for (const file of [
    changed(body),
    changed(sealed.length - 1),
    sealed.subarray(0, -1),
    sealed.subarray(0, 30),
  ])
    await t.rejects(openDocument(file, passphrase), { code: 'store' })
  const costly = Buffer.from(sealed.toString('latin1').replace('"N":131072', '"N":999999999'), 'latin1')
  await t.rejects(openDocument(costly, passphrase), { message: /no export of tsmachine/ })
  const newer = Buffer.from(sealed.toString('latin1').replace('export 1', 'export 2'), 'latin1')
  await t.rejects(openDocument(newer, passphrase), { message: /newer version/ })
})

t.test('a file by an enemy cannot write outside a machine', async (t) => {
  const { dir, file, computer } = bench(t)
  mkdirSync(dir, { recursive: true })
  const seal = async (part: object): Promise<void> => {
    const document = { root: '/x', storeId: '', certs: [], machines: [], ...part }
    writeFileSync(file, await sealDocument(document, new Secret(PASSPHRASE)))
  }
  const data = ''
  for (const name of ['../evil', '/etc/evil', 'a/b', '..', '', 'config.json', 'tsmachine.json', 'a\\b']) {
    await seal({ certs: [{ name, data }] })
    await t.rejects(importMachines(computer('new'), file), { code: 'store', message: /cannot be used/ }, name)
  }
  await seal({ machines: [{ name: '../web', ledger: '{}', config: '{}', files: [], secrets: {} }] })
  await t.rejects(importMachines(computer('new'), file), { code: 'usage' })
  await seal({ machines: [{ name: 'web', ledger: '{}', config: '{}', files: [], secrets: {} }] })
  await t.rejects(importMachines(computer('new'), file), { code: 'store', message: /record of web/ })
  t.same(computer('new').store.names(), [])
})

t.test('a file by an enemy runs nothing here, and says nothing to ssh', async (t) => {
  const { dir, file, computer, create, write } = bench(t)
  const [old, next] = [computer('old'), computer('new')]
  await create(old, 'web')
  const factory = await old.drivers.load('fake')
  const proof = join(dir, 'it-ran')
  await old.store.update('web', factory.record, (ledger) => ({
    ...ledger,
    secrets: {
      token: `cmd:touch '${proof}'`,
      file: 'file:/etc/shadow',
      login: 'docker-credential:pass:hub',
      other: 'env:TOKEN',
    },
  }))
  await write(old, ['web'])
  const passphrase = new Secret(PASSPHRASE)
  const document = (await openDocument(readFileSync(file), passphrase)) as {
    machines: { files: { name: string; data: string }[]; config: string }[]
  }
  const [web] = document.machines
  if (!web) throw new Error('no machine in it')
  const made = ['ssh_config', 'ssh.conf', 'ssh+db.conf', 'known_hosts', 'engine-tunnel.json', '.hidden']
  const data = Buffer.from(`ProxyCommand touch '${proof}'`).toString('base64')
  web.files.push(...made.map((name) => ({ name, data })))
  writeFileSync(file, await sealDocument(document, passphrase))

  t.same(await importMachines(next, file), ['web'])
  t.strictSame(next.store.get('web').ledger?.secrets, { other: 'env:TOKEN' })
  t.match(next.events, [
    { type: 'warn', text: /takes the one of the export/ },
    ...[/token of "web" came from cmd:touch/, /from file:\/etc\/shadow/, /from docker-credential:/].map(
      (text) => ({ type: 'warn', machine: 'web', text }),
    ),
  ])
  for (const name of made) t.notOk(existsSync(join(next.store.dir('web'), name)), name)
  t.ok(existsSync(join(next.store.dir('web'), 'id_rsa')))
  t.notOk(existsSync(proof))

  web.files.push({ name: 'id_rsa', data })
  writeFileSync(file, await sealDocument(document, passphrase))
  await t.rejects(importMachines(computer('twice'), file), { message: /holds a file twice/ })
  web.files.pop()
  web.config = web.config.replace('"DriverName":"fake"', '"DriverName":"qemu"')
  writeFileSync(file, await sealDocument(document, passphrase))
  const vm = computer('vm')
  await t.rejects(importMachines(vm, file), { code: 'store', message: /cannot be imported/ })
  t.notOk(existsSync(vm.store.certsDir), 'nor is its CA taken')
})

t.test('a record that names a file as its driver is refused before that file is run', async (t) => {
  const { file, computer, create, write } = bench(t)
  const old = computer('old')
  await create(old, 'web')
  await write(old, ['web'])
  const passphrase = new Secret(PASSPHRASE)
  const exported = await openDocument(readFileSync(file), passphrase)
  // Another file of the same enemy may have brought it in: paths below the old store lead into ours.
  const brought = join(old.store.root, 'machines', 'db', 'evil.mjs')
  const changes = [
    ['config', '"DriverName":"fake"', `"DriverName":"${brought}"`],
    ['ledger', '"name":"fake"', '"name":"plugin:x/../../../tmp/evil"'],
  ] as const
  for (const [part, from, to] of changes) {
    const document = structuredClone(exported) as { machines: { ledger: string; config: string }[] }
    const [web] = document.machines
    if (!web?.[part].includes(from)) throw new Error(`no ${from}`)
    web[part] = web[part].replace(from, to)
    writeFileSync(file, await sealDocument(document, passphrase))
    const next = computer('new')
    const loaded: string[] = []
    const drivers = {
      load: (name: string) => {
        loaded.push(name)
        return Promise.resolve(bareFactory)
      },
    }
    await t.rejects(importMachines({ ...next, drivers }, file), {
      code: 'store',
      message: /"web" would run a file of this computer as its driver: .*evil/,
    })
    t.same(loaded, [])
    t.same(next.store.names(), [])
    t.notOk(existsSync(next.store.certsDir))
  }
})

t.test('the manager of a swarm is only imported into a store of the same CA', async (t) => {
  const { file, computer, create, write } = bench(t)
  const old = computer('old')
  await create(old, 'web')
  await write(old, ['web'])
  const passphrase = new Secret(PASSPHRASE)
  const document = (await openDocument(readFileSync(file), passphrase)) as { machines: { config: string }[] }
  const [web] = document.machines
  if (!web?.config.includes('"Master":false')) throw new Error('no swarm options')
  web.config = web.config.replace('"Master":false', '"Master":true')
  writeFileSync(file, await sealDocument(document, passphrase))
  const other = computer('other')
  mkdirSync(other.store.certsDir, { recursive: true })
  writeFileSync(join(other.store.certsDir, 'ca-key.pem'), 'of another CA')
  await t.rejects(importMachines(other, file), { code: 'store', message: /"web" is the manager of a swarm/ })
  t.same(other.store.names(), [])
  t.same(await importMachines(computer('fresh'), file), ['web'], 'which takes the CA of the export')
})

t.test('a record that would send tokens elsewhere is refused before anything is taken', async (t) => {
  const { dir, file, computer, create, write } = bench(t)
  const old = computer('old')
  await create(old, 'web', { 'fake-note': 'https://evil.example.com/v1' })
  await write(old, ['web'])
  const flags = bareFactory.flags.map((flag) =>
    flag.key === 'note' ? { ...flag, receivesSecrets: true } : flag,
  )
  const next = machineContext({
    dir: join(dir, 'new'),
    env: { TSMACHINE_EXPORT_PASSPHRASE: PASSPHRASE },
    factories: { fake: { ...bareFactory, flags } },
  })
  await t.rejects(importMachines(next, file), {
    code: 'usage',
    message: /"web" would send .* to https:\/\/evil\.example\.com\/v1/,
    hints: [/import FILE --endpoint https:\/\/evil\.example\.com/, /wanted your tokens/],
  })
  t.same(next.store.names(), [])
  t.notOk(existsSync(next.store.certsDir))
  t.same(await importMachines(next, file, ['https://evil.example.com']), ['web'])
})
