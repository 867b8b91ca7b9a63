/** Keys are their owner's alone from the first byte, temporary files included, whatever the umask; and no key is in an argv. */
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { PROGRAM, TestUser } from '../helpers/cli.js'
import { machineContext } from '../helpers/machine-context.js'
import { scriptedHost } from '../helpers/scripted-host.js'

const hook = (name: string): string => fileURLToPath(new URL(`../helpers/${name}.cjs`, import.meta.url))
const me = new TestUser()
t.teardown(() => me.cleanUp())
const [opened, children] = [join(me.home, 'opened'), join(me.home, 'children')]
const pair = generateKeyPair('web')
const keyPath = join(me.home, 'id')
writeFileSync(keyPath, pair.privatePem, { mode: 0o600 })

interface Opened {
  readonly path: string
  readonly mode: number
}

/** What everybody may read: certificates, and Docker's own file of a context. */
const PUBLIC = /^\.?((ca|cert|server)\.pem(\.new)?|meta\.json)(\.[0-9a-f]{12}\.tmp)?$/

function lines<T>(path: string): T[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T)
}

async function openly(...words: string[]): Promise<string> {
  const line = 'umask 000; exec "$0" "$@"'
  const env = {
    NODE_OPTIONS: `--require ${hook('opened-files')} --require ${hook('recorded-children')}`,
    TSMACHINE_TEST_OPENED: opened,
    TSMACHINE_TEST_CHILDREN: children,
    TSMACHINE_EXPORT_PASSPHRASE: 'correct horse battery staple',
  }
  const outcome = await me.run('sh', ['-c', line, process.execPath, PROGRAM, ...words], { env })
  if (outcome.code !== 0) throw new Error(`${words.join(' ')}: ${outcome.stderr}`)
  return outcome.stdout
}

t.test('under umask 000 no file with a secret is ever open to others', async (t) => {
  // The store's first command makes the CA.
  await openly('create', '--driver', 'none', '--url', 'tcp://127.0.0.1:1', 'bare')
  const host = await scriptedHost(t, machineContext({ dir: me.home }), { authorized: [pair.publicLine] })
  const flags = {
    'ip-address': '127.0.0.1',
    'ssh-port': host.sshd.port,
    'ssh-user': host.sshd.user,
    'ssh-key': keyPath,
    'host-key': host.sshd.hostKeys[0] ?? '',
    'engine-port': host.engine.port,
  }
  const words = Object.entries(flags).flatMap(([name, value]) => [`--generic-${name}`, String(value)])
  await openly('create', '--driver', 'generic', ...words, 'web')
  await openly('ssh-config', '--install')
  await openly('regenerate-certs', '-f', '--client-certs', 'web')
  await openly('export', 'web', join(me.home, 'export'))

  const made = lines<Opened>(opened)
  const names = new Set(made.map(({ path }) => basename(path).replace(/^\.+|\.[0-9a-f]{12}\.tmp$/g, '')))
  for (const name of ['ca-key.pem', 'key.pem', 'server-key.pem', 'id', 'config.json.next', 'tsmachine.json'])
    t.ok(names.has(name), `${name} was made while we looked`)
  for (const { path, mode } of made)
    if (!PUBLIC.test(basename(path)) && path.startsWith(me.home) && path !== children)
      t.equal(mode & 0o077, 0, `${path} ${mode.toString(8)}`)
  for (const entry of readdirSync(me.store, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const { mode } = statSync(path)
    if (!PUBLIC.test(entry.name)) t.equal(mode & 0o077, 0, `${path} ${(mode & 0o777).toString(8)}`)
  }
})

t.test('no key is in the words of a program, here or on the host', (t) => {
  const dir = join(me.store, 'machines', 'web')
  const secrets = [
    join(dir, 'server-key.pem'),
    join(dir, 'key.pem'),
    join(me.store, 'certs', 'ca-key.pem'),
    keyPath,
  ].map((path) => readFileSync(path, 'utf8').split('\n')[1] ?? '')
  const started = readFileSync(children, 'utf8')
  t.not(started, '')
  for (const secret of secrets) {
    t.ok(secret.length > 40)
    t.notOk(started.includes(secret))
  }
  t.end()
})
