/** The command `ssh` on hosts of the generic driver: what it passes on, through what it goes, and both clients. */
import { createServer, connect } from 'node:net'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PROGRAM, TestUser } from '../helpers/cli.js'
import { poll } from '../helpers/poll.js'
import { recordSshMachine, startSshMachine } from '../helpers/ssh-machine.js'
import { freePort } from '../helpers/sshd.js'

const me = new TestUser()
t.teardown(() => me.cleanUp())
const one = await startSshMachine(me.store, 'one')
const two = await startSshMachine(me.store, 'two', { hostKeys: ['rsa'] })
for (const { sshd } of [one, two]) t.teardown(() => sshd.stop())
const NATIVE = [[], ['--native-ssh']]

t.test('options and command after the name are passed on, `--` too', async (t) => {
  const run = (...words: string[]) => me.tsmachine(['ssh', 'one', ...words])
  t.match(await run('-C', 'echo', 'foo'), { code: 0, stdout: 'foo\n' })
  t.match(await run('--', 'echo', '-n', 'a  b', '$((1+1)); exit 7'), { code: 7, stdout: 'a b 2' })
  // After `--` nothing is an option any more, as in ssh itself.
  const version = await run('--', '-V')
  t.not(version.code, 0)
  t.notMatch(version.stderr, /OpenSSH_/)
})

t.test('our own client takes what ssh does of that', async (t) => {
  const run = (...words: string[]) => me.tsmachine(['--native-ssh', 'ssh', 'one', ...words])
  t.match(await run('-C', 'echo', 'foo'), { code: 0, stdout: 'foo\n' })
  t.match(await run('-t', '-nT', '--', 'tty; cat; exit 7'), { code: 7, stdout: /not a tty/ })
  t.match(await run('-tt', 'tty'), { code: 0, stdout: /\/dev\// }, 'a terminal when it is wanted in any case')
  t.match(await run('-A', 'true'), { code: 2, stderr: /"-A" needs the ssh program/ })
})

t.test('called as docker-machine every failure ends with 1 and its status is told', async (t) => {
  const program = join(me.home, 'docker-machine')
  symlinkSync(PROGRAM, program)
  for (const native of NATIVE)
    t.strictSame(await me.tsmachine([...native, 'ssh', 'one', 'exit', '7'], { program }), {
      ...{ code: 1, signal: null, stdout: '', stderr: 'exit status 7\n' },
    })
})

t.test(
  '-J goes through another machine by its name, with its own port, user, key and pinned host key',
  async (t) => {
    const jump = await me.tsmachine(['ssh', 'two', '-J', 'one', 'echo $SSH_CONNECTION'])
    t.match(jump, { code: 0, stdout: new RegExp(`127.0.0.1 ${two.sshd.port}\n`) }, jump.stderr)
    t.match(one.sshd.log(), /Accepted publickey/)
    await recordSshMachine(me.store, 'false', one.sshd, { hostKey: two.sshd.hostKeys[0] ?? '' })
    t.match(await me.tsmachine(['ssh', 'two', '-o', 'ProxyJump=false', 'true']), {
      code: 255,
      stderr: /Host key verification failed|IDENTIFICATION HAS CHANGED/,
    })
  },
)

t.test('-L forwards a port', async (t) => {
  const echo = createServer((socket) => void socket.end('through the tunnel'))
  const target = await freePort()
  await new Promise<void>((resolve) => echo.listen(target, '127.0.0.1', resolve))
  t.teardown(() => echo.close())
  const port = await freePort()
  let end = (): void => undefined
  const run = me.tsmachine(['ssh', 'one', '-N', '-L', `127.0.0.1:${port}:127.0.0.1:${target}`], {
    started: (child) => (end = () => void child.kill('SIGTERM')),
  })
  const answer = () =>
    new Promise<string>((resolve) => {
      let text = ''
      connect(port, '127.0.0.1')
        .on('data', (chunk) => (text += String(chunk)))
        .on('error', () => resolve(''))
        .on('close', () => resolve(text))
    })
  t.equal((await poll(20_000, answer, 100)).answer, 'through the tunnel')
  end()
  t.equal((await run).code, 143)
})

t.test("the user's own ssh configuration does not count", async (t) => {
  mkdirSync(join(me.home, '.ssh'), { recursive: true })
  writeFileSync(join(me.home, '.ssh', 'config'), 'Host *\n  Port 1\n  ProxyCommand false\n')
  for (const native of NATIVE) t.equal(await me.ok([...native, 'ssh', 'one', 'echo', 'in']), 'in\n')
})
