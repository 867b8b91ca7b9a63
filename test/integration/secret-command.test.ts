/** `secret` as it is typed: the value comes on standard input or from the terminal, never from the command line. */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { TestUser } from '../helpers/cli.js'
import { programWithFake } from '../helpers/program-with-fake.js'

const TOKEN = 'canary-91be'
const { dir, program } = await programWithFake()
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
t.setTimeout(120_000)

t.test('a secret from standard input serves a create, is listed without its value and removed', async (t) => {
  const me = new TestUser()
  t.teardown(() => rmSync(me.home, { recursive: true, force: true }))
  const provider = new FakeProvider(join(me.home, 'provider'))
  provider.requireToken(TOKEN)
  const run = (args: readonly string[], input = '') => me.tsmachine(args, { program, input })
  const seen = [await run(['secret', 'set', 'fake', 'token'], `${TOKEN}\n`)]
  seen.push(await run(['--debug', 'create', '-d', 'fake', '--fake-dir', provider.dir, 'web']))
  seen.push(await run(['secret', 'ls']), await run(['secret', 'ls', '--json']))
  t.match(seen[2]?.stdout, /^fake +token +secret set +web +store:fake-token-[0-9a-f]{16}$/m)
  const used = await run(['secret', 'rm', 'fake', 'token'])
  t.match(used, { code: 1, stderr: /Machines use the secret fake token: web/ })
  seen.push(used, await run(['rm', '-y', 'web']), await run(['secret', 'rm', 'fake', 'token']))
  for (const { stdout, stderr, code } of seen)
    t.notMatch(`${stdout}${stderr} ${code}`, new RegExp(`${TOKEN}| [23]$`))
  t.match(await run(['secret', 'rm', 'fake', 'token']), { code: 1, stderr: /No secret fake token is set/ })
})

t.test('a value on the command line is refused, and an empty one', async (t) => {
  const me = new TestUser()
  t.teardown(() => rmSync(me.home, { recursive: true, force: true }))
  const run = (args: readonly string[], input = '') => me.tsmachine(args, { program, input })
  t.match(await run(['secret', 'set', 'fake', 'token', TOKEN]), {
    code: 2,
    stderr: /no word of the command line/,
  })
  t.match(await run(['secret', 'set', 'fake', 'token'], '\n'), { code: 2, stderr: /the secret is empty/ })
  t.match(await run(['secret', 'set', 'qemu', 'token'], 'x'), { code: 2, stderr: /has no secret "token"/ })
  t.match(await run(['secret', 'rm']), { code: 2, stderr: /or --unused/ })
})

t.test('on a terminal the value is asked for and not shown', async (t) => {
  const me = new TestUser()
  t.teardown(() => rmSync(me.home, { recursive: true, force: true }))
  const words = `'${process.execPath}' '${program}' secret set fake token`
  const child = spawn('script', ['-qec', words, '/dev/null'], { env: { ...me.env, TERM: 'xterm' } })
  let shown = ''
  let typed = false
  for await (const chunk of child.stdout) {
    shown += String(chunk)
    if (!typed && shown.includes('fake token: ')) typed = child.stdin.write(`${TOKEN}\r`)
  }
  t.notMatch(shown, TOKEN)
  t.match(shown, /fake token: [^]*Kept fake token as store:/)
  t.match(await me.tsmachine(['secret', 'ls'], { program }), { stdout: /^fake +token +secret set/m })
})
