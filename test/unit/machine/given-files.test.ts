import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DriverFactory, MachineSpec } from '../../../src/contracts/driver.js'
import { MachineError } from '../../../src/contracts/errors.js'
import { createMachine, resumeCreate } from '../../../src/machine/create.js'
import { planCreate } from '../../../src/machine/create-plan.js'
import { readAuthorizedKeys } from '../../../src/machine/given-files.js'
import { runChecked } from '../../../src/util/exec.js'
import { withDeadline } from '../../../src/util/wait.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'
import { makeKey } from '../../helpers/sshd.js'
import { factory as fake } from '../../doubles/fake-driver/index.js'

/** A cloud driver that only notes what it is told; its first create fails once the server would be made. */
function bench(t: Test, more: Partial<DriverFactory> = {}) {
  const dir = scratchDir(t)
  const specs: MachineSpec[] = []
  const own: Partial<Record<keyof DriverFactory, unknown>> & DriverFactory = { ...fake }
  delete own.login
  const factory: DriverFactory = {
    ...own,
    ...more,
    async open(deps) {
      const driver = await fake.open(deps)
      return Object.assign(driver, {
        async *create(spec: MachineSpec) {
          specs.push(spec)
          throw new MachineError('driver', 'enough')
        },
      })
    },
  }
  const ctx = machineContext({ dir, factories: { fake: factory } })
  const create = (authorizedKeys: readonly string[] = []) =>
    createMachine(ctx, {
      name: 'web',
      driver: 'fake',
      flagValues: fakeFlags(join(dir, 'provider')),
      options: { ...machineOptions(), authorizedKeys },
    })
  return { dir, ctx, create, specs, machine: ctx.store.dir('web') }
}

t.test(
  "the user's own user data and key are read once: a resumed create needs neither file again",
  async (t) => {
    const dir = scratchDir(t)
    const [own, key] = [join(dir, 'own'), join(dir, 'key.pem')]
    writeFileSync(own, '#!/bin/sh\ntrue\n')
    const publicLine = makeKey(key, 'rsa', ['-N', '', '-b', '2048', '-m', 'PEM'])
    rmSync(`${key}.pub`)
    const { create, ctx, specs, machine } = bench(t, {
      ownUserData: () => own,
      clientKey: () => key,
      seedUser: () => 'root',
      userDataLimit: 16_384,
    })
    await t.rejects(create(['ssh-ed25519 AAAAother']), { message: /enough/ })
    t.equal(readFileSync(join(machine, 'id_rsa'), 'utf8'), readFileSync(key, 'utf8'))
    t.equal(readFileSync(join(machine, 'id_rsa.pub'), 'utf8').trim(), publicLine)
    for (const file of ['id_rsa', 'own-user-data'])
      t.equal(statSync(join(machine, file)).mode & 0o777, 0o600, file)
    t.match(ctx.store.read('web').ledger, { ssh: { user: 'root', keyPath: join(machine, 'id_rsa') } })
    rmSync(own)
    rmSync(key)
    await t.rejects(resumeCreate(ctx, 'web'), { message: /enough/ })
    const [first, second] = specs
    t.equal(first?.sshPublicKey, publicLine)
    t.equal(first?.sshUser, 'root')
    const data = first?.seed?.userData ?? ''
    t.match(data, /text\/x-shellscript[^]*#!\/bin\/sh\ntrue\n/)
    t.match(data, /"name": "root"[^]*"ssh-ed25519 AAAAother"/)
    t.equal(second?.seed?.userData, data)
  },
)

t.test('what cannot be used is refused before anything is made or recorded', async (t) => {
  const dir = scratchDir(t)
  const large = join(dir, 'large')
  // Random text cannot be packed.
  const noise = Array.from({ length: 2000 }, () => Math.random().toString(36).slice(2)).join('\n')
  writeFileSync(large, `#!/bin/sh\n# ${noise}\n`)
  const cases: readonly [Partial<DriverFactory>, RegExp][] = [
    [{ ownUserData: () => join(dir, 'gone') }, /Cannot read the user data/],
    [
      { ownUserData: () => large, userDataLimit: 16_384 },
      /The user data is \d{5} bytes, and fake takes 16384/,
    ],
    [{ userDataLimit: 500 }, /The user data is \d{3} bytes, and fake takes 500/],
    [{ clientKey: () => join(dir, 'gone') }, /SSH key does not exist/],
    [{ clientKey: () => large }, /not an SSH private key|public half/],
  ]
  for (const [more, message] of cases) {
    const { create, ctx, specs } = bench(t, more)
    await t.rejects(create(), { message, exitCode: more.clientKey?.({}) === large ? 1 : 3 }, String(message))
    t.strictSame([specs.length, ctx.store.names()], [0, []])
  }
})

t.test('an abort is heard while user data comes from a pipe that nobody writes to', async (t) => {
  const fifo = join(scratchDir(t), 'own')
  await runChecked('driver', 'mkfifo', [fifo])
  const stop = new AbortController()
  const ownUserData = () => {
    // Once it is being read.
    setTimeout(() => stop.abort(new Error('Ctrl-C')))
    return fifo
  }
  const { ctx } = bench(t, { ownUserData })
  const choices = { driver: 'fake', flagValues: fakeFlags(ctx.store.root), options: machineOptions() }
  // What reads it must have opened it before it can be let go.
  t.teardown(() => {
    closeSync(openSync(fifo, 'w'))
  })
  const planning = (): Promise<unknown> => planCreate({ ...ctx, signal: stop.signal }, choices)
  await t.rejects(withDeadline('the abort to be heard', 10_000, planning), { message: 'Ctrl-C' })
})

t.test('user data may be given as text', async (t) => {
  const { create, specs, machine } = bench(t, { ownUserData: () => ({ text: '#!/bin/sh\ntrue\n' }) })
  await t.rejects(create(), { message: /enough/ })
  t.match(specs[0]?.seed?.userData, /text\/x-shellscript[^]*#!\/bin\/sh\ntrue\n/)
  t.equal(readFileSync(join(machine, 'own-user-data'), 'utf8'), '#!/bin/sh\ntrue\n')
  const unknown = bench(t, { ownUserData: () => ({ text: 'hello' }) })
  await t.rejects(unknown.create(), {
    message: /user data in the command line begins with nothing/,
    exitCode: 3,
  })
})

t.test('user data that does not fit is packed where that helps', async (t) => {
  const own = join(scratchDir(t), 'own')
  writeFileSync(own, `#!/bin/sh\n${'echo the same again\n'.repeat(2000)}`)
  const { create, specs } = bench(t, { ownUserData: () => own, userDataLimit: 16_384 })
  await t.rejects(create(), { message: /enough/ })
  t.match(specs[0]?.seed?.userData, /application\/gzip/)
  t.ok(Buffer.byteLength(specs[0]?.seed?.userData ?? '') <= 16_384)
})

t.test('--authorized-key takes public keys, and never a private one', async (t) => {
  const dir = scratchDir(t)
  const line = makeKey(join(dir, 'key'), 'ed25519')
  writeFileSync(join(dir, 'two.pub'), `# mine\n${line} me@home\n\n${line} me@home\n`)
  t.strictSame(await readAuthorizedKeys([join(dir, 'key.pub'), join(dir, 'two.pub')]), [
    line,
    `${line} me@home`,
  ])
  makeKey(join(dir, 'pem'), 'rsa', ['-N', '', '-m', 'PEM'])
  for (const file of ['key', 'pem'])
    await t.rejects(readAuthorizedKeys([join(dir, file)]), {
      code: 'usage',
      message: /is a private key/,
      hints: [/key FILE|\.pub/],
    })
  writeFileSync(join(dir, 'options'), `from="10.0.0.1" ${line}\n`)
  writeFileSync(join(dir, 'empty'), '# nothing\n')
  for (const file of ['options', 'empty', 'gone'])
    await t.rejects(readAuthorizedKeys([join(dir, file)]), { code: 'usage' }, file)
})

t.test('a host that we do not make takes no further keys', async (t) => {
  const { create, ctx } = bench(t, { login: () => ({ user: 'me', trustFirstUse: false }) })
  await t.rejects(create(['ssh-ed25519 AAAA']), { code: 'usage', message: /--authorized-key/ })
  t.notOk(existsSync(join(ctx.store.root, 'machines')))
})
