import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { Secret, type SecretRef } from '../../../src/contracts/secrets.js'
import { isKeptFor, SecretStore } from '../../../src/store/secrets.js'
import { runChecked } from '../../../src/util/exec.js'
import { withDeadline } from '../../../src/util/wait.js'

const KEY = { account: 'digitalocean', field: 'accessToken' }
const VALUE = 'dop_v1_very-secret'

/** A credential helper as docker-credential-helpers specifies it, which notes how it was called. */
const HELPER = `#!/bin/sh
echo "$*" >> "$HELPER_DIR/calls"
case $1 in
store) cat > "$HELPER_DIR/kept" ;;
get)
  cat > "$HELPER_DIR/asked"
  if [ -f "$HELPER_DIR/kept" ]; then cat "$HELPER_DIR/kept"; else echo 'credentials not found in native keychain'; exit 1; fi ;;
erase) cat > "$HELPER_DIR/erased"; rm -f "$HELPER_DIR/kept" ;;
broken) ;;
esac
`

interface Setup {
  readonly dir: string
  readonly env: Record<string, string>
  readonly store: SecretStore
}

function setUp(t: Test, dockerConfig = '{}'): Setup {
  const dir = t.testdir({
    docker: { 'config.json': dockerConfig },
    bin: { 'docker-credential-test': HELPER },
  })
  chmodSync(join(dir, 'bin', 'docker-credential-test'), 0o755)
  const env = {
    PATH: `${join(dir, 'bin')}:${process.env['PATH'] ?? ''}`,
    DOCKER_CONFIG: join(dir, 'docker'),
    HELPER_DIR: dir,
  }
  return { dir, env, store: new SecretStore(join(dir, 'store', 'secrets'), env) }
}

t.test(
  'without a helper a secret goes into a file of its owner, and the reference brings it back',
  async (t) => {
    const { dir, store } = setUp(t)
    const reference = await store.save(KEY, new Secret(VALUE))
    t.match(reference, /^store:digitalocean-accessToken-[0-9a-f]{16}$/)
    const folder = join(dir, 'store', 'secrets')
    const [file = ''] = readdirSync(folder)
    t.equal(statSync(folder).mode & 0o777, 0o700)
    t.equal(statSync(join(folder, file)).mode & 0o777, 0o600)
    t.equal((await store.resolve(reference)).reveal(), VALUE)
    t.equal((await store.entry(KEY))?.secret.reveal(), VALUE)
    t.equal(await store.entry({ ...KEY, account: 'digitalocean/other' }), undefined, 'keyed by account')
    await store.erase(reference)
    await store.erase(reference)
    t.strictSame(readdirSync(folder), [])
    await t.rejects(store.resolve(reference), { code: 'preflight', hints: [/Give it again/] })
  },
)

t.test('accounts whose names look alike in a file name have secrets of their own', async (t) => {
  const { store } = setUp(t)
  await store.save({ account: 'os/a@x', field: 'password' }, new Secret('1'))
  await store.save({ account: 'os/a-x', field: 'password' }, new Secret('2'))
  t.equal((await store.entry({ account: 'os/a@x', field: 'password' }))?.secret.reveal(), '1')
  t.equal((await store.entry({ account: 'os/a-x', field: 'password' }))?.secret.reveal(), '2')
})

t.test('the secret of a driver that is named by its path is kept, read and erased', async (t) => {
  const { dir, store } = setUp(t)
  const key = { account: '/home/me/tsmachine-driver-acme/0123456789abcdef', field: 'token' }
  const reference = await store.save(key, new Secret(VALUE))
  t.match(reference, /^store:-home-me-tsmachine-driver-acme-/)
  t.equal((await store.resolve(reference)).reveal(), VALUE)
  t.equal(isKeptFor(reference, { account: '/home/me/tsmachine/driver-acme', field: 'token' }), false)
  await store.erase(reference)
  t.strictSame(readdirSync(join(dir, 'store', 'secrets')), [])
})

t.test('a reference that would leave the folder of secrets is neither read nor erased', async (t) => {
  const { dir, store } = setUp(t)
  await store.save(KEY, new Secret(VALUE))
  writeFileSync(join(dir, 'store', 'other'), 'mine')
  for (const id of ['../other', '..', '.', '', 'a/b', 'a\\b', '/etc/passwd', '-x/../../other', '-.', 'a\n']) {
    await t.rejects(store.resolve(`store:${id}`), { code: 'store' }, `resolve ${id}`)
    await t.rejects(store.erase(`store:${id}`), { code: 'store' }, `erase ${id}`)
  }
  t.ok(existsSync(join(dir, 'store', 'other')))
})

t.test('what a helper keeps for a path counts as kept for that path alone', async (t) => {
  const { store } = setUp(t, '{"credsStore":"test"}')
  const account = '/home/me (old)/acme'
  const key = { account: `${account}/0123456789abcdef`, field: 'token' }
  const reference = await store.save(key, new Secret(VALUE))
  t.equal(isKeptFor(reference, { account, field: 'token' }), true)
  t.equal(isKeptFor(reference, { account: '/home/me', field: 'token' }), false)
})

t.test('with a configured helper the secret goes there, over stdin and never in its arguments', async (t) => {
  const { dir, store } = setUp(t, '{"credsStore":"test"}')
  t.equal(await store.entry(KEY), undefined)
  const reference = await store.save(KEY, new Secret(VALUE))
  t.equal(reference, 'docker-credential:test:https://tsmachine.invalid/digitalocean/accessToken')
  t.strictSame(JSON.parse(readFileSync(join(dir, 'kept'), 'utf8')), {
    ServerURL: 'https://tsmachine.invalid/digitalocean/accessToken',
    Username: 'accessToken',
    Secret: VALUE,
  })
  t.equal((await store.resolve(reference)).reveal(), VALUE)
  t.equal((await store.entry(KEY))?.secret.reveal(), VALUE)
  t.equal(readFileSync(join(dir, 'asked'), 'utf8'), 'https://tsmachine.invalid/digitalocean/accessToken')
  await store.erase(reference)
  t.equal(await store.entry(KEY), undefined)
  t.strictSame([...new Set(readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n'))].sort(), [
    'erase',
    'get',
    'store',
  ])
  t.notOk(existsSync(join(dir, 'store')), 'no file of ours')
})

t.test("a user's own references are resolved and never erased", async (t) => {
  const { dir, env } = setUp(t)
  writeFileSync(join(dir, 'token'), `${VALUE}\n`)
  writeFileSync(join(dir, 'kept'), JSON.stringify({ ServerURL: 'https://x', Username: 'u', Secret: VALUE }))
  const store = new SecretStore(join(dir, 'secrets'), { ...env, TOKEN: VALUE })
  const references: SecretRef[] = [
    'env:TOKEN',
    `file:${join(dir, 'token')}`,
    `cmd:cat '${join(dir, 'token')}' | head -n 1`,
    'docker-credential:test:https://x',
  ]
  for (const reference of references) {
    t.equal((await store.resolve(reference)).reveal(), VALUE, reference)
    await store.erase(reference)
  }
  t.ok(existsSync(join(dir, 'token')))
  t.ok(existsSync(join(dir, 'kept')))
})

t.test('a reference that gives nothing is named, with its reason and without any value', async (t) => {
  const { dir, store } = setUp(t)
  writeFileSync(join(dir, 'docker-credential-none'), '')
  const cases: Record<string, RegExp> = {
    'env:NOT_SET': /the variable is not set/,
    'file:/nowhere/at/all': /the file does not exist/,
    [`file:${dir}`]: /EISDIR/,
    [`cmd:echo ${VALUE} >&2; exit 3`]: /it ended with status 3/,
    'cmd:true': /it printed nothing/,
    'docker-credential:test': /it is not docker-credential:HELPER:SERVER/,
    'docker-credential:a/b:x': /it is not docker-credential:HELPER:SERVER/,
    'docker-credential:test:https://gone': /no such entry/,
    'docker-credential:nosuch:https://x': /"docker-credential-nosuch" is not installed/,
    'vault:x': /it starts with none of env, file/,
    'store:../../etc/passwd': /no reference to a secret of this store/,
    'store:gone': /no such secret any more/,
  }
  for (const [reference, words] of Object.entries(cases))
    await t.rejects(store.resolve(reference as SecretRef), { message: words }, reference)
})

t.test('a helper that fails is quoted, and so is what to do', async (t) => {
  const { dir, store } = setUp(t, '{"credsStore":"test"}')
  writeFileSync(
    join(dir, 'bin', 'docker-credential-test'),
    '#!/bin/sh\necho "key chain is locked" >&2\nexit 1\n',
  )
  await t.rejects(store.save(KEY, new Secret(VALUE)), {
    code: 'store',
    message: 'docker-credential-test store failed: key chain is locked',
    hints: [/Try it by hand/, /credsStore/],
  })
  writeFileSync(join(dir, 'bin', 'docker-credential-test'), '#!/bin/sh\necho "{}"\n')
  await t.rejects(store.entry(KEY), { message: /holds no secret/ })
})

t.test('a broken or hostile docker configuration means no helper', async (t) => {
  for (const config of [
    '{',
    '[]',
    '{"credsStore":7}',
    '{"credsStore":"../../bin/sh"}',
    '{"credsStore":""}',
  ]) {
    const { store } = setUp(t, config)
    t.match(await store.save(KEY, new Secret(VALUE)), /^store:/, config)
  }
})

t.test('a secret never shows where it is turned into text', (t) => {
  const secret = new Secret(VALUE)
  for (const text of [
    String(secret),
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ a: [secret] }, { depth: 9 }),
  ])
    t.notMatch(text, VALUE)
  t.end()
})

t.test('an abort is heard while the file of a reference does not answer', async (t) => {
  const { dir, store } = setUp(t)
  const fifo = join(dir, 'pipe')
  await runChecked('store', 'mkfifo', [fifo])
  const stop = new AbortController()
  const asked = store.resolve(`file:${fifo}`, stop.signal)
  stop.abort(new Error('Ctrl-C'))
  try {
    await t.rejects(
      withDeadline('the abort to be heard', 10_000, () => asked),
      { message: 'Ctrl-C' },
    )
  } finally {
    // What reads it must have opened it before it can be let go.
    closeSync(openSync(fifo, 'w'))
  }
  await t.rejects(store.resolve('cmd:true', stop.signal), { message: 'Ctrl-C' }, 'nothing is begun after it')
})
