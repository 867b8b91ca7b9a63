/** No path disables checking: what is built holds no words that would, and no program that we start is told so. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { TestUser } from '../helpers/cli.js'
import { recordSshMachine, startSshMachine } from '../helpers/ssh-machine.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const HOOK = join(ROOT, 'test/helpers/recorded-children.cjs')

/** Words by which a host or an engine would be believed whoever it is. */
const UNCHECKED: Readonly<Record<string, RegExp>> = {
  'ssh asks nobody': /StrictHostKeyChecking['"\s=:]*(no|off|accept-new|ask)\b/i,
  'ssh forgets keys': /KnownHostsFile['"\s=:]*\/dev\/null/i,
  'ssh passes localhost': /NoHostAuthenticationForLocalhost['"\s=:]*yes/i,
  'TLS without a check':
    /rejectUnauthorized['"\s]*:\s*(false|!1)|NODE_TLS_REJECT_UNAUTHORIZED|SkipTLSVerify['"\s]*:\s*(true|!0)/,
  'any name will do': /checkServerIdentity['"\s]*:\s*(\(\)|[\w$]+)\s*=>\s*(void 0|undefined|\{\s*\})/,
  'any key will do': /hostVerifier['"\s]*:\s*(\([^)]*\)|[\w$]+)\s*=>\s*(true|!0)/,
  'a tool that does not look': /\b(curl|wget)\b[^\n]*\s(-k|--insecure|--no-check-certificate)\b/,
}

/** What each of them must find. */
const SAMPLES: Readonly<Record<string, string>> = {
  'ssh asks nobody': `"-o","StrictHostKeyChecking=no"`,
  'ssh forgets keys': 'UserKnownHostsFile /dev/null',
  'ssh passes localhost': 'NoHostAuthenticationForLocalhost=yes',
  'TLS without a check': 'tls.connect({rejectUnauthorized:!1})',
  'any name will do': '{checkServerIdentity:()=>void 0}',
  'any key will do': '{hostVerifier:()=>!0}',
  'a tool that does not look': 'curl -fsSL -k https://x',
}

t.test('one place makes SSH connections, and it decides by pins', (t) => {
  const sources = filesBelow('src').map((path) => [path, readFileSync(path, 'utf8')] as const)
  const having = (pattern: RegExp) =>
    sources.filter(([, text]) => pattern.test(text)).map(([path]) => path.slice(join(ROOT, 'src').length + 1))
  t.same(having(/new ssh2\.Client\(/), ['ssh/connect.ts'])
  t.same(having(/hostVerifier/), ['ssh/connect.ts'])
  t.same(having(/firstUse: /), ['machine/host-key.ts'], 'first use is allowed in one place')
  t.same(having(/rejectUnauthorized/), ['engine/light-connect.ts'])
  t.end()
})

function filesBelow(dir: string): string[] {
  return readdirSync(join(ROOT, dir), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.map') && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
}

t.test('nothing that is built or sent to a host holds words that disable a check', (t) => {
  const files = ['dist', 'bin', 'provision', 'image-build'].flatMap(filesBelow)
  t.ok(files.some((file) => file.endsWith('main.cjs')) && files.some((file) => file.endsWith('ssh2.cjs')))
  for (const file of files) {
    const text = readFileSync(file, 'utf8')
    for (const [what, pattern] of Object.entries(UNCHECKED)) {
      const found = pattern.exec(text)
      if (found) t.fail(`${file}: ${what}: ${found[0]}`)
    }
  }
  for (const [what, sample] of Object.entries(SAMPLES))
    t.match(sample, UNCHECKED[what], 'the words are found')
  t.same(Object.keys(SAMPLES), Object.keys(UNCHECKED))
  t.end()
})

interface Child {
  readonly args: readonly [string, ...string[]]
  readonly variables: readonly string[]
}

const me = new TestUser()
t.teardown(() => me.cleanUp())
const one = await startSshMachine(me.store, 'one')
t.teardown(() => one.sshd.stop())

/** Where our programs are looked for first: one that is not here, and ends at once. */
const bin = join(me.home, 'bin')
mkdirSync(bin)
writeFileSync(join(bin, 'sshfs'), '#!/bin/sh\nexit 0\n', { mode: 0o755 })

const children = join(me.home, 'children')
const env = {
  NODE_OPTIONS: `--require ${HOOK}`,
  TSMACHINE_TEST_CHILDREN: children,
  PATH: `${bin}:${process.env['PATH']}`,
}

const CONNECTING = new Set(['ssh', 'scp', 'sftp', 'rsync', 'sshfs'])

/** The configuration that a program is given has a pinned entry for every host. */
function isPinned(t: Tap, words: readonly string[], label: string): void {
  const text = words.join('\n')
  const [, file] = /(?:^|\n|\s)-F\s+(\S+)/.exec(text) ?? []
  if (file === 'none') return void t.match(text, /\nStrictHostKeyChecking=yes\n/, label)
  const entries = readFileSync(file ?? '', 'utf8')
    .split(/^Host /m)
    .slice(1)
  t.ok(entries.length > 0, label)
  for (const entry of entries) {
    t.match(entry, /^ {2}StrictHostKeyChecking yes$/m, label)
    t.match(entry, /^ {2}UserKnownHostsFile "\/.*known_hosts"$/m, label)
  }
}

type Tap = Pick<typeof t, 'ok' | 'match'>

t.test('no child of any command is told to believe whoever answers', async (t) => {
  const secret = join(me.home, 'file')
  writeFileSync(secret, 'x')
  await recordSshMachine(me.store, 'jumped', one.sshd, { sshJump: 'me@127.0.0.1:1' })
  await recordSshMachine(me.store, 'wrong', one.sshd, {
    hostKey: generateKeyPair('other').publicLine.split(' ').slice(0, 2).join(' '),
  })
  const commands = [
    ['ssh', 'one', 'true'],
    ['ssh', 'jumped', 'true'],
    ['ssh', 'one', '-J', 'wrong', 'true'],
    ['scp', secret, 'one:/tmp/tsm-never/x'],
    ['scp', '-d', secret, 'one:/tmp/tsm-never/x'],
    ['mount', 'one:/', me.home],
    ['mount', 'jumped:/', me.home],
    ['ssh-config', '--install'],
    ['logs', '--engine', 'wrong'],
    ['provision', 'wrong'],
    ['upgrade', 'wrong'],
    ['regenerate-certs', '-f', 'wrong'],
    ['config', 'wrong'],
    ['ls'],
    ['doctor'],
  ]
  for (const words of commands) await me.tsmachine(words, { env })
  const started = readFileSync(children, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Child)
  const seen = new Set<string>()
  for (const { args, variables } of started) {
    const text = args.join(' ')
    for (const [what, pattern] of Object.entries(UNCHECKED)) t.notMatch(text, pattern, what)
    t.notMatch(text, /PRIVATE KEY/)
    t.notOk(variables.includes('NODE_TLS_REJECT_UNAUTHORIZED'))
    const program = basename(args[0])
    if (!CONNECTING.has(program) || args.includes('-V')) continue
    seen.add(program)
    isPinned(t, args.slice(1), text)
  }
  t.same([...seen].sort(), ['rsync', 'scp', 'ssh', 'sshfs'])
})
