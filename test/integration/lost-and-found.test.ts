/** gc, access, adopt, export and import as their users type them: streams, exit statuses, and nobody to ask. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { type Outcome, TestUser } from '../helpers/cli.js'
import { programWithFake } from '../helpers/program-with-fake.js'

const { dir, program } = await programWithFake()
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const [user, other] = [new TestUser(), new TestUser()]
t.teardown(() => [user, other].forEach((each) => each.cleanUp()))
const provider = new FakeProvider(join(user.home, 'provider'))

const env = { FAKE_DIR: provider.dir, TSMACHINE_EXPORT_PASSPHRASE: 'a horse and a battery' }
const run = (who: TestUser, ...args: string[]): Promise<Outcome> =>
  who.tsmachine(args, { program, env, limitMs: 60_000 })
const gc = (...args: string[]): Promise<Outcome> => run(user, 'gc', '--driver', 'fake', ...args)

t.test('gc shows, refuses to go on unasked, and removes', async (t) => {
  for (const name of ['kept', 'lost']) t.match(await run(user, 'create', '-d', 'fake', name), { code: 0 })
  t.match(await gc(), { code: 0, stdout: 'Nothing is left over\n', stderr: /Looked at fake\n/ })
  rmSync(join(user.store, 'machines/lost'), { recursive: true })
  t.match(await gc(), {
    code: 0,
    stdout: 'Nothing is left over\n',
    stderr:
      /left alone: \d younger than 1h\n(Kept: .*\n)*Kept: fake server lost \(srv-2\): younger than 1h\n/,
  })
  provider.age(3 * 3_600_000)
  const shown = await gc('--dry-run')
  t.match(shown, {
    code: 0,
    stdout: /^DRIVER .*\n(.*\n)*fake +server +lost +srv-2 +lost .* 3h +4.00 EUR a month\n/,
  })
  t.match(shown.stdout, 'Together: 4.00 EUR a month')
  t.equal(provider.read().servers.length, 2)
  t.match(await gc(), { code: 2, stdout: '', stderr: /no terminal to ask on[^]*gc -y/ })
  t.match(await gc('-y', '--all-stores'), { code: 2, stderr: /never removed unasked/ })
  t.match(await gc('--older-than', 'soon'), { code: 2, stderr: /--older-than wants/ })
  t.match(await gc('--older-than', '5m'), { code: 2, stderr: /younger than 1 h/ })
  t.equal(provider.read().servers.length, 2)
  t.match(await run(user, 'create', '-d', 'fake', '--fake-token', 'old', 'second'), { code: 0 })
  provider.requireToken('')
  const part = await gc('--dry-run', '--json')
  t.equal(part.code, 1)
  t.match(JSON.parse(part.stdout), {
    ok: false,
    result: [{ id: 'srv-2' }, { kind: 'firewall' }],
    error: { exitCode: 1 },
    errors: [{ message: /Not asked: fake \(the record of second\): .*401/ }],
  })
  provider.requireToken('', 'old')
  t.match(await run(user, 'rm', '-y', 'second'), { code: 0 })
  provider.script([{ call: 'deleteServer', after: 0, kind: 'fail' }])
  t.match(await gc('-y'), { code: 1, stdout: 'Removed 0 of 2\n', stderr: /403 you may not do this/ })
  const { result } = JSON.parse((await gc('-y', '--json')).stdout) as { result: { id: string }[] }
  t.ok(result.some(({ id }) => id === 'srv-2'))
  t.match(
    provider.read().servers.map(({ name }) => name),
    ['kept'],
  )
  t.match(await gc('srv-1'), { code: 1, stderr: /machine of this store[^]*tsmachine rm kept/ })
})

t.test('access shows and changes the firewall; other drivers have none', async (t) => {
  t.match(await run(user, 'access', '--any', 'kept'), { code: 0, stdout: /kept +SSH +any address\n/ })
  t.match(provider.read().firewalls.at(-1)?.rules, { ssh: ['0.0.0.0/0', '::/0'] })
  t.match(await run(user, 'access', '--add', 'nonsense', 'kept'), { code: 2, stderr: /no network/ })
  const none = ['create', '-d', 'none', '--url', 'tcp://192.0.2.1:2376', 'bare']
  t.match(await run(user, ...none, '--open-to', 'any'), { code: 2, stderr: /has no firewall/ })
  t.match(await run(user, ...none), { code: 0 })
  t.match(await run(user, 'access', 'bare'), { code: 2, stderr: /none driver has no firewall/ })
})

t.test('export, import and adopt', async (t) => {
  const file = join(user.home, 'all.export')
  t.match(await run(user, 'export', file), { code: 2 })
  t.match(await run(user, 'export', 'kept', 'bare'), {
    code: 2,
    stderr: /"bare" is a machine[^]*machines\.export/,
  })
  t.match(await run(user, 'export', '--all', file), { code: 0, stdout: `Exported to ${file}: bare, kept\n` })
  t.match(await run(user, 'export', 'kept', file), { code: 1, stderr: /exists[^]*--force/ })
  t.match(await run(user, 'export', '--force', '--all', file), { code: 0 })
  t.match(await run(other, 'adopt', '-d', 'fake', 'kept'), {
    code: 1,
    stderr: /no way in to kept[^]*--ssh-key FILE[^]*tsmachine import FILE[^]*tsmachine gc srv-1/,
  })
  t.match(await run(other, 'import', file), { code: 0, stdout: 'Imported: bare, kept\n' })
  t.match(await run(other, 'import', file), { code: 1, stderr: /already exists/ })
  t.match(await run(other, 'ls', '-q'), { stdout: 'bare\nkept\n' })
  t.match(await run(other, 'rm', '-y', 'kept', 'bare'), { code: 0 })
  t.same(provider.read().servers, [])
})
