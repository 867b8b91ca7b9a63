/** The question that `create` asks on a terminal when a create of that name has not finished. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { type Outcome, PROGRAM, TestUser } from '../helpers/cli.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { machineContext } from '../helpers/machine-context.js'
import { scriptedHost } from '../helpers/scripted-host.js'

const QUESTION = 'The create of "web" stopped at ssh. Carry on with it? (y/n): '

const dir = scratchDir(t)
const ctx = machineContext({ dir })
const user = new TestUser({ store: join(dir, 'store') })
t.teardown(() => user.cleanUp())
const pair = generateKeyPair('test')
const keyPath = join(dir, 'id')
writeFileSync(keyPath, pair.privatePem, { mode: 0o600 })
const host = await scriptedHost(t, ctx, { authorized: [pair.publicLine] })

/** `create web` on a terminal that script(1) lends, with this answer typed at its question. */
async function createOnTerminal(answer: string): Promise<Outcome> {
  return await user.run('script', ['-qec', `'${process.execPath}' '${PROGRAM}' create web`, '/dev/null'], {
    input: answer,
    limitMs: 60_000,
  })
}

const phase = (): string | undefined => ctx.store.read('web').ledger?.phase

t.test('a create that stopped at the host key, which nobody told', async (t) => {
  const options = {
    'ip-address': '127.0.0.1',
    'ssh-port': host.sshd.port,
    'ssh-user': host.sshd.user,
    'ssh-key': keyPath,
    'engine-port': host.engine.port,
  }
  const flags = Object.entries(options).flatMap(([key, value]) => [`--generic-${key}`, String(value)])
  const refused = await user.tsmachine(['create', '--driver', 'generic', ...flags, 'web'])
  t.match(refused, { code: 1, stderr: /Stage: ssh/ })
  t.equal(phase(), 'failed')
  mkdirSync(join(user.home, '.ssh'))
  const known = `[127.0.0.1]:${host.sshd.port} ${host.sshd.hostKeys[0]}\n`
  writeFileSync(join(user.home, '.ssh', 'known_hosts'), known)
})

t.test('without a terminal nobody is asked', async (t) => {
  const outcome = await user.tsmachine(['create', 'web'], { input: 'y\n' })
  t.match(outcome, { code: 1, stderr: /already exists[^]*create web --resume/ })
  t.notMatch(outcome.stderr, 'Carry on')
  t.equal(phase(), 'failed')
})

t.test('no, and the end of input, leave it as it is', async (t) => {
  for (const answer of ['n\n', '\u0004']) {
    const { code, stdout } = await createOnTerminal(answer)
    t.match(stdout, QUESTION)
    t.match(stdout, /already exists[^]*create web --resume/)
    t.equal(code, 1)
    t.equal(phase(), 'failed')
  }
})

t.test('yes carries on where it stopped', async (t) => {
  const { code, stdout } = await createOnTerminal('y\n')
  t.match(stdout, QUESTION)
  t.equal(code, 0, stdout)
  t.equal(phase(), 'ready')
})

t.test('a complete machine is not asked about', async (t) => {
  const { code, stdout } = await createOnTerminal('y\n')
  t.equal(code, 1)
  t.match(stdout, 'already exists')
  t.notMatch(stdout, 'Carry on')
})
