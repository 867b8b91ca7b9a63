/** What becomes of hosts, users, paths and keys in ssh's own files: as they were meant, or refused. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { hostEntry } from '../../../src/ssh/client-config.js'
import { checkedEndpoint } from '../../../src/ssh/endpoint.js'
import { partPattern } from '../../../src/ssh/files/glob.js'
import { parseHostKey } from '../../../src/ssh/host-key.js'
import { parseJump } from '../../../src/ssh/jump.js'
import { generateKeyPair } from '../../../src/ssh/key-pair.js'
import { keysFromKnownHosts } from '../../../src/ssh/known-hosts.js'
import { opensshCipher } from '../../../src/ssh/openssh-key.js'
import { jumpHosts, readPassedWords } from '../../../src/ssh/passed-options.js'
import { sshProgramArgs } from '../../../src/ssh/program.js'
import { includeLine, ownHosts } from '../../../src/ssh/user-config.js'
import {
  checkBounded,
  forAll,
  hostileLine,
  hostileText,
  pumps,
  refusedOr,
  refusedOrLater,
} from '../../helpers/properties.js'

const dir = mkdtempSync(join(tmpdir(), 'tsm-ssh-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const KEY = generateKeyPair('test').publicLine.split(' ').slice(0, 2).join(' ')
const OTHER = generateKeyPair('other').publicLine.split(' ').slice(0, 2).join(' ')

const own = [
  '192.0.2.1',
  'web.example',
  'fe80::1%eth0',
  '-oProxyCommand=id',
  '\n  ProxyCommand id',
  '\nHost *',
  'DOM\\joe',
]
const hosts = fc.oneof(
  hostileText(...own),
  fc.constantFrom('192.0.2.7', 'fe80::1%eth0', '2001:db8::7', 'büro.example', 'a_b.c'),
)
const users = fc.oneof(
  hostileText(...own),
  fc.constantFrom('root', 'DOM\\joe', 'joe@ad.example', 'a"b', "it's", '%h', '$(id)'),
)

/** What ssh itself makes of a configuration. */
function understood(path: string): ReadonlyMap<string, string> {
  const text = execFileSync('ssh', ['-G', '-F', path, 'web'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  }).toString()
  return new Map(
    text.split('\n').map((line) => [line.split(' ')[0] ?? '', line.slice(line.indexOf(' ') + 1)]),
  )
}

t.test('ssh reads the host and the user that were meant, and no option of theirs', async (t) => {
  const config = join(dir, 'config')
  await forAll(
    t,
    'hostEntry',
    fc.tuple(hosts, users),
    async ([host, user]) => {
      const machine = {
        name: 'web',
        dir,
        pins: { keys: [KEY] },
        endpoint: { host, user, port: 2222 },
        keyPath: join(dir, 'id'),
      }
      const text = await refusedOrLater(() => hostEntry(machine, { unattended: true }))
      if (text === undefined) return
      writeFileSync(config, text)
      const read = understood(config)
      const got = ['hostname', 'user', 'port', 'proxycommand', 'stricthostkeychecking'].map((name) =>
        read.get(name),
      )
      const want = [host.toLowerCase(), user, '2222', undefined, 'true']
      if (JSON.stringify(got) !== JSON.stringify(want))
        throw new Error(`${JSON.stringify(got)} for ${JSON.stringify(want)}`)
      const lines = readFileSync(join(dir, 'known_hosts'), 'utf8').trimEnd().split('\n')
      if (lines.length !== 1 || !lines[0]?.endsWith(` ${KEY}`)) throw new Error(JSON.stringify(lines))
    },
    {
      slower: 4,
      examples: [
        ['fe80::1%eth0', 'DOM\\joe'],
        ['192.0.2.1\n  ProxyCommand id', 'root'],
        ['192.0.2.1', '-oProxyCommand=id'],
      ],
    },
  )
})

t.test('what a provider or a plugin says of a machine is no option of ssh', async (t) => {
  await forAll(t, 'argv', fc.tuple(hosts, users), ([host, user]) => {
    const endpoint = refusedOr(() => checkedEndpoint({ host, user, port: 22 }))
    if (!endpoint) return
    const args = sshProgramArgs(endpoint, { knownHostsPath: '/k' })
    const at = args.indexOf(`${user}@${host}`)
    return at > 0 && !args[at]?.startsWith('-') && !/[\n\r\0\u0085\u2028]/.test(args[at] ?? '')
  })
  for (const port of [0, -1, 65_536, 1.5, NaN, Infinity])
    t.throws(() => checkedEndpoint({ host: 'a', user: 'b', port }), { code: 'ssh' }, String(port))
})

t.test('known_hosts: keys of that host and no other, for any text', async (t) => {
  const lines = fc.array(hostileLine(`a ${KEY}`, `*,!a ${KEY}`, `@revoked a ${KEY}`, '|1|', KEY), {
    maxLength: 6,
  })
  await forAll(t, 'any text', lines, (all) => {
    for (const key of keysFromKnownHosts(all.join('\n'), 'a', 22)) if (key !== KEY) throw new Error(key)
  })
  const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,8}$/)
  await forAll(
    t,
    'round trip',
    fc.tuple(name, name, fc.integer({ min: 1, max: 65_535 })),
    ([mine, theirs, port]) => {
      const at = port === 22 ? mine : `[${mine}]:${port}`
      const text = `# c\n${at} ${KEY} comment\n${theirs}x ${OTHER}\n`
      const found = keysFromKnownHosts(text, mine, port)
      return found.includes(KEY) && !keysFromKnownHosts(text, `${mine}y`, port).includes(KEY)
    },
  )
  const star = fc.array(fc.constantFrom('*', '?', 'a', 'b'), { maxLength: 6 }).map((all) => all.join(''))
  const plain = fc.stringMatching(/^[ab]{1,6}$/)
  await forAll(t, 'patterns', fc.tuple(star, plain), ([pattern, host]) => {
    const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(host)
    return pattern === '' || keysFromKnownHosts(`${pattern} ${KEY}`, host, 22).includes(KEY) === expected
  })
})

t.test('keys, jump hosts, words for ssh and patterns: read or refused, whatever they are', async (t) => {
  await forAll(
    t,
    'parsers',
    hostileText(KEY, 'ssh-ed25519 ', '-J', '-o', 'ProxyJump=', 'joe@', '[::1]:22'),
    (text) => {
      refusedOr(() => parseHostKey(text))
      const jump = refusedOr(() => parseJump(text))
      if (jump) checkedEndpoint(jump)
      opensshCipher(text)
      jumpHosts(readPassedWords([text, '-J', text, '-o', `ProxyJump=${text}`]))
      partPattern(text)
    },
  )
})

t.test('an Include line is one line', async (t) => {
  await forAll(t, 'include', hostileText('/a b/'), (path) => {
    const line = refusedOr(() => includeLine(path))
    return line === undefined || (/^Include "(?:[^"\\]|\\.)*"$/.test(line) && !line.includes('${'))
  })
})

t.test('long texts take no longer than their length', async (t) => {
  checkBounded(t, 'known_hosts', pumps('*a', '|1|', 'a '), (text) =>
    keysFromKnownHosts(`${text} ${KEY}\n${text}`, `${'a'.repeat(60)}b`, 22),
  )
  checkBounded(t, 'a key', pumps('A'), (text) => opensshCipher(`-----BEGIN OPENSSH PRIVATE KEY-----${text}`))
  checkBounded(t, 'a jump option', pumps(), (text) => jumpHosts(readPassedWords(['-o', `ProxyJump${text}`])))
  const config = join(dir, 'user-config')
  for (const text of [' '.repeat(65_536), `${' '.repeat(65_536)}x\u2028`]) {
    writeFileSync(config, `Host${text}`)
    t.ok(await ownHosts(config))
  }
})
