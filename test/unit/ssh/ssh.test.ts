import { createHmac } from 'node:crypto'
import t from 'tap'
import { classify, hostKeyError, isRetryableSsh, SshError, type Heard } from '../../../src/ssh/errors.js'
import {
  fingerprint,
  hasFingerprint,
  isFingerprint,
  parseHostKey,
  sameKey,
} from '../../../src/ssh/host-key.js'
import { generateKeyPair } from '../../../src/ssh/key-pair.js'
import { keysFromKnownHosts } from '../../../src/ssh/known-hosts.js'
import { LineCollector } from '../../../src/ssh/lines.js'
import { opensshCipher } from '../../../src/ssh/openssh-key.js'
import { sshProgramArgs } from '../../../src/ssh/program.js'
import ssh2 from 'ssh2'
import { size } from '../../sizes.js'

const endpoint = { host: '127.0.0.1', port: 2222, user: 'docker' }
const heard = (more: Partial<Heard> = {}): Heard => ({
  ident: '',
  banner: '',
  agent: '',
  handshaken: false,
  ...more,
})

/** A real key of the outside world, with the fingerprint that ssh-keygen prints for it. */
const GITHUB = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'
const GITHUB_PRINT = 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU'

t.test('every one of hundreds of generated keys is a valid key whose halves belong together', async (t) => {
  // The known fault of another generator hits one key in 250: a leading zero byte is dropped.
  for (let i = 0; i < size('sshKeys'); i++) {
    const { privatePem, publicLine } = generateKeyPair('a comment')
    const key = ssh2.utils.parseKey(privatePem)
    if (key instanceof Error) throw key
    const line = `${key.type} ${key.getPublicSSH().toString('base64')} a comment`
    if (line !== publicLine) t.fail(`halves differ: ${publicLine}`)
    if (i < 3) t.equal(key.verify('text', key.sign('text')), true)
  }
  const { privatePem, publicLine } = generateKeyPair('')
  t.equal(opensshCipher(privatePem), 'none')
  t.equal(publicLine.split(' ').length, 2, 'no comment, no blank')
})

t.test(
  'host keys are read from .pub and known_hosts words; fingerprints are those of ssh-keygen',
  async (t) => {
    t.equal(parseHostKey(`${GITHUB} somebody@somewhere\n`), GITHUB)
    t.equal(fingerprint(GITHUB), GITHUB_PRINT)
    t.ok(hasFingerprint(GITHUB, `${GITHUB_PRINT}=`))
    t.notOk(hasFingerprint(GITHUB, GITHUB_PRINT.replace('+', 'A')))
    t.ok(isFingerprint(` ${GITHUB_PRINT}\n`))
    t.notOk(isFingerprint(GITHUB))
    t.ok(sameKey(GITHUB, `${GITHUB}  a comment`))
    for (const text of [
      '',
      'ssh-ed25519',
      'ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA',
      'ssh-ed25519 not/base64',
      GITHUB_PRINT,
    ])
      t.throws(() => parseHostKey(text), { code: 'usage' }, text)
  },
)

t.test('known_hosts: ports, patterns, negation, hashes, comments, revoked and authority lines', async (t) => {
  const other = generateKeyPair('').publicLine
  const keys = (text: string, host = 'web.example', port = 22): string[] =>
    keysFromKnownHosts(text, host, port)
  t.same(keys(`web.example,192.0.2.1 ${GITHUB} note\n`), [GITHUB])
  t.same(keys(`WEB.example ${GITHUB}`, 'Web.Example'), [GITHUB])
  t.same(keys(`web.example ${GITHUB}`, 'web.example', 2222), [], 'another port is another server')
  t.same(keys(`[web.example]:2222 ${GITHUB}`, 'web.example', 2222), [GITHUB])
  t.same(keys(`*.example,!db.example ${GITHUB}`), [GITHUB])
  t.same(keys(`*.example,!db.example ${GITHUB}`, 'db.example'), [])
  t.same(keys(`w?b.example ${GITHUB}`), [GITHUB])
  t.same(keys(`webXexample ${GITHUB}`), [], 'a dot is a dot')
  t.same(keys(`# web.example ${GITHUB}\n\nweb.example broken\nweb.example ssh-ed25519 AAAA\n`), [])
  t.same(keys(`web.example ${GITHUB}\nweb.example ${other}\n@revoked * ${GITHUB}\n`), [other])
  t.same(keys(`@cert-authority *.example ${GITHUB}\n`), [], 'an authority is no host key')
  const salt = Buffer.alloc(20, 7)
  const hash = (name: string): string =>
    `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')} ${GITHUB}`
  t.same(keys(hash('web.example')), [GITHUB])
  t.same(keys(hash('[web.example]:2222'), 'web.example', 2222), [GITHUB])
  t.same(keys(hash('db.example')), [])
})

t.test('lines come complete whatever the cuts, also inside a character', async (t) => {
  const lines: string[] = []
  const collector = new LineCollector((line) => lines.push(line))
  const bytes = Buffer.from('grün\r\nzwei\n\ndrei')
  for (const byte of bytes) collector.add(Buffer.from([byte]))
  t.same(lines, ['grün', 'zwei', ''])
  t.equal(collector.lastLine(), 'drei')
  t.equal(collector.finish(), 'grün\r\nzwei\n\ndrei')
  t.same(lines, ['grün', 'zwei', '', 'drei'])
})

t.test('an endless stream that is read by lines does not grow without bound', async (t) => {
  let count = 0
  const collector = new LineCollector(() => (count += 1))
  const chunk = Buffer.from(`${'x'.repeat(1023)}\n`.repeat(1024))
  for (let i = 0; i < 20; i++) collector.add(chunk)
  t.ok(collector.finish().length < 10 * 1024 * 1024)
  t.equal(count, 20 * 1024)
})

t.test(
  'arguments of the ssh program: isolation first, then host and port, then the user words as they are',
  async (t) => {
    const args = sshProgramArgs(endpoint, {
      keyPath: '/store/a b/id_rsa',
      knownHostsPath: '/store/100%/known_hosts',
      extra: ['-L', '1:localhost:2', '--', 'echo', '$HOME'],
    })
    t.same(args.slice(0, 2), ['-F', 'none'])
    const options = args.flatMap((arg, i) => (args[i - 1] === '-o' ? [arg] : []))
    for (const option of [
      'StrictHostKeyChecking=yes',
      'IdentitiesOnly=yes',
      'UpdateHostKeys=no',
      'GlobalKnownHostsFile=none',
      'IdentityFile="/store/a b/id_rsa"',
      'UserKnownHostsFile="/store/100%%/known_hosts"',
    ])
      t.ok(options.includes(option), option)
    t.same(args.slice(args.indexOf('docker@127.0.0.1')), [
      'docker@127.0.0.1',
      '-p',
      '2222',
      '-L',
      '1:localhost:2',
      '--',
      'echo',
      '$HOME',
    ])
    const agentOnly = sshProgramArgs(endpoint, { knownHostsPath: '/k' })
    t.notOk(agentOnly.includes('IdentitiesOnly=yes'), 'without a key file the agent may offer its keys')
  },
)

t.test('what sockets and ssh2 throw becomes a reason, and only passing ones are retryable', async (t) => {
  const fault = (fields: object, message = 'words'): Error => Object.assign(new Error(message), fields)
  const cases: [Error, Heard, string, boolean][] = [
    [fault({ code: 'ECONNREFUSED' }), heard(), 'refused', true],
    [fault({ code: 'EHOSTUNREACH' }), heard(), 'unreachable', true],
    [fault({ code: 'ENOTFOUND' }), heard(), 'name', false],
    [fault({ code: 'ECONNRESET' }), heard(), 'reset', true],
    [fault({ level: 'protocol' }, 'Connection lost before handshake'), heard(), 'reset', true],
    [fault({ level: 'handshake' }, 'no matching cipher'), heard({ ident: 'SSH-2.0-old' }), 'protocol', false],
    [fault({ level: 'client-authentication' }), heard({ handshaken: true }), 'auth', false],
    [fault({ level: 'client-authentication' }), heard({ banner: 'System is booting up.' }), 'auth', true],
  ]
  for (const [error, seen, reason, retryable] of cases) {
    const made = classify(error, endpoint, seen)
    t.same([made.reason, made.retryable, made.code], [reason, retryable, 'ssh'], reason)
    t.equal(made.cause, error)
  }
})

t.test('an SSH error keeps its reason when context is added', async (t) => {
  const error = hostKeyError(endpoint, GITHUB, { keys: [] }).with({
    machine: 'web',
    stage: 'ssh',
    evidence: 'SSH-2.0-x',
  })
  t.ok(error instanceof SshError)
  t.match(error, {
    code: 'host-key',
    reason: 'host-key',
    machine: 'web',
    stage: 'ssh',
    evidence: 'SSH-2.0-x',
  })
  t.match(error.message, /none is known/)
  t.notOk(isRetryableSsh(error))
  t.ok(isRetryableSsh(new SshError('refused', 'x').with({ machine: 'web' })))
  t.notOk(isRetryableSsh(new Error('x')))
})
