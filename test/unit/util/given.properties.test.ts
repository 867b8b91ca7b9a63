/** What servers, helpers and people give us that is read as text: understood, or refused in words; kept as it is, or not at all. */
import { createHash, generateKeyPairSync } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { isWhole } from '../../../src/drivers/amazonec2/whole-answer.js'
import { tagPairs } from '../../../src/drivers/amazonec2/tags.js'
import { readTags } from '../../../src/drivers/digitalocean/tags.js'
import { readHostKey } from '../../../src/drivers/generic/host-key.js'
import { encodeValue, tagsOf } from '../../../src/drivers/hetzner/labels.js'
import { keyFingerprint } from '../../../src/drivers/hetzner/public-key.js'
import { packageEntry } from '../../../src/drivers/package/entry.js'
import { installedDrivers } from '../../../src/drivers/package/installed.js'
import { fitsDisks, readSaved } from '../../../src/drivers/qemu/saved-memory.js'
import { machineFiles } from '../../../src/drivers/qemu/layout.js'
import { readAuthorizedKeys } from '../../../src/machine/given-files.js'
import { generateKeyPair } from '../../../src/ssh/key-pair.js'
import { publicLineOf, readPrivateKey } from '../../../src/ssh/private-key.js'
import { getCredential, listCredentials } from '../../../src/store/credential-helper.js'
import { profileRegion } from '../../../src/util/aws-environment.js'
import { download } from '../../../src/util/download.js'
import { readHolder } from '../../../src/util/lock-file.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import {
  checkBounded,
  forAll,
  hostileJson,
  hostileText,
  INHERITED_KEYS,
  pumps,
  refusedOr,
  refusedOrLater,
} from '../../helpers/properties.js'

for (const name of Object.keys(process.env)) if (/_proxy$/i.test(name)) delete process.env[name]

const KEY = generateKeyPair('test')

/** Empty for a file that is not there, or not yet. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** A text with some of it exchanged. */
function damaged(good: string): fc.Arbitrary<string> {
  return fc
    .tuple(fc.nat(good.length), fc.nat(20), hostileText())
    .map(([at, count, put]) => good.slice(0, at) + put + good.slice(at + count))
}

t.test('a server answers a download with anything: the file that was meant, or none', async (t) => {
  let answer: (response: ServerResponse) => void = (response) => response.end()
  const server = createServer((_request, response) => answer(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => (server.closeAllConnections(), server.close()))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`
  const to = join(t.testdir({}), 'file')
  const BODY = Buffer.from('0123456789'.repeat(20))
  const sha256 = createHash('sha256').update(BODY).digest('hex')
  let taken = 0
  const header = fc
    .oneof(
      hostileText('bytes 100-199/200', 'bytes ', '"one"', 'W/', '-', '99999999999999999999'),
      fc.constant(''),
    )
    .map((text) => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '').slice(0, 2_000))
  const answers = fc.record({
    status: fc.constantFrom(200, 200, 206, 206, 416, 404, 500, 302, 204, 304, 299),
    headers: fc.dictionary(
      fc.constantFrom(
        'etag',
        'content-range',
        'last-modified',
        'location',
        'content-encoding',
        'retry-after',
      ),
      header,
    ),
    from: fc.constantFrom(0, 0, 50, 100, 150),
    had: fc.constantFrom(0, 100, 100, 300),
  })
  await forAll(
    t,
    'answers',
    answers,
    async ({ status, headers, from, had }) => {
      const first = BODY.subarray(0, had)
      writeFileSync(`${to}.part`, had > first.length ? Buffer.alloc(had, 'x') : first)
      writeFileSync(`${to}.part.etag`, headers['etag'] ?? '"one"')
      answer = (response) => {
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
        response.statusCode = status
        response.end(BODY.subarray(from))
      }
      const options = { url, to, sha256, clock: new FakeClock(), deadlineMs: 5_000 }
      const done = await refusedOrLater(() => download(options))
      if (done && !readFileSync(to).equals(BODY)) throw new Error('another file was taken')
      if (!done && existsSync(to)) throw new Error('a file was left')
      rmSync(to, { force: true })
      if (done) taken++
    },
    { slower: 3 },
  )
  t.ok(taken > 0, `${taken} were taken`)
})

t.test(
  'a download that starts anew leaves no bytes of the old version beside the new validator',
  async (t) => {
    const to = join(t.testdir({}), 'file')
    const seen: string[] = []
    const server = createServer((_request, response) => {
      response.writeHead(200, { etag: '"two"', 'content-length': 10 })
      response.flushHeaders()
      const look = setInterval(() => {
        if (textOf(`${to}.part.etag`) !== '"two"') return
        clearInterval(look)
        seen.push(textOf(`${to}.part`))
        response.end('0123456789')
      }, 5)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    writeFileSync(`${to}.part`, 'old')
    writeFileSync(`${to}.part.etag`, '"one"')
    await download({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`, to })
    t.strictSame(seen, [''])
    t.equal(readFileSync(to, 'utf8'), '0123456789')
  },
)

t.test('a credential helper may print anything: a secret as it is, none, or a refusal', async (t) => {
  const dir = t.testdir({
    bin: { 'docker-credential-odd': '#!/bin/sh\ncat >/dev/null\ncat "$ANSWER"\nexit $STATUS\n' },
  })
  chmodSync(join(dir, 'bin', 'docker-credential-odd'), 0o755)
  const answer = join(dir, 'answer')
  const env = { ...process.env, PATH: `${join(dir, 'bin')}:${process.env['PATH'] ?? ''}`, ANSWER: answer }
  const texts = fc.oneof(
    hostileText().map((Secret) => JSON.stringify({ ServerURL: 'x', Username: 'y', Secret })),
    hostileJson('Secret').map((value) => JSON.stringify(value)),
    hostileText('{"Secret":"', '"}', 'credentials not found in native keychain'),
  )
  const values = fc.tuple(texts, fc.constantFrom('0', '0', '0', '1'))
  const at = { helper: 'odd', server: 'tsmachine:x' }
  await forAll(
    t,
    'get and list',
    values,
    async ([text, STATUS]) => {
      writeFileSync(answer, text)
      const options = { env: { ...env, STATUS } }
      const secret = (await refusedOrLater(() => getCredential(at, options)))?.reveal()
      if (secret !== undefined) {
        const { Secret: said } = JSON.parse(readFileSync(answer, 'utf8')) as { Secret: unknown }
        if (secret !== said || STATUS !== '0') throw new Error('it is not what was printed')
      }
      await refusedOrLater(() => listCredentials('odd', options))
    },
    {
      slower: 5,
      examples: [
        ['{"Secret":{"a":1}}', '0'],
        ['null', '0'],
      ],
    },
  )
})

t.test('key files and key lines: keys, or refused in words that do not tell them', async (t) => {
  const dir = t.testdir({})
  const [path, list] = [join(dir, 'id'), join(dir, 'list.pub')]
  const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
  const texts = [
    KEY.privatePem,
    ec.export({ format: 'pem', type: 'sec1' }).toString(),
    ec.export({ format: 'pem', type: 'pkcs8' }).toString(),
  ]
  const files = fc.oneof(
    ...texts.map(damaged),
    hostileText('-----BEGIN OPENSSH PRIVATE KEY-----\n', '-----END'),
  )
  await forAll(t, 'private keys', files, async (text) => {
    writeFileSync(path, text)
    await refusedOrLater(() => readPrivateKey(path))
    const line = await refusedOrLater(() => publicLineOf(path))
    if (line !== undefined && !/^[a-z0-9-]+ [A-Za-z0-9+/=]+$/.test(line)) throw new Error(line)
  })
  const line = /^(ssh-|ecdsa-|sk-|SHA256:)\S+( [A-Za-z0-9+/=]+)?$/
  const lines = fc.oneof(
    damaged(KEY.publicLine),
    damaged(`web.example ${KEY.publicLine}\n# x\n${KEY.publicLine}`),
  )
  await forAll(t, 'public keys', lines, async (text) => {
    writeFileSync(list, text)
    for (const given of [text, list]) {
      const read = readHostKey(given)
      if ('keys' in read && !read.keys.split('\n').every((one) => line.test(one))) throw new Error(read.keys)
    }
    for (const one of (await refusedOrLater(() => readAuthorizedKeys([list]))) ?? [])
      if (/[\n\r]/.test(one) || !/^(ssh|ecdsa|sk)-/.test(one)) throw new Error(JSON.stringify(one))
    const print = keyFingerprint(text)
    return print === undefined || /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/.test(print)
  })
})

t.test(
  'tags and labels of providers come back as they were given, and none is taken for another',
  async (t) => {
    const id = 'a'.repeat(32)
    const words = ['tsmachine:', `tsmachine:${id}:${id}`, 'tsmachine-name:', '_x', '_c', 'hex.', '.0', ',']
    const text = hostileText(...words)
    await forAll(t, 'values', fc.tuple(text, text), ([key, value]) => {
      const tags = readTags([key, value])
      if (Object.keys(tags).length > 0 && ![key, value].some((word) => word === `tsmachine:${id}:${id}`))
        throw new Error(JSON.stringify(tags))
      tagsOf({ [`tsmachine-${key}`]: value })
      const coded = encodeValue(value)
      if (!/^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/.test(coded)) throw new Error(coded)
      const read = tagPairs(`${key},${value}`)
      if ('tags' in read && Object.keys(read.tags).some((one) => one.startsWith('aws:')))
        throw new Error('aws')
    })
    await forAll(
      t,
      'whole answers',
      hostileText('<aResponse>', '</aResponse>', '<aResponse xmlns="x"'),
      (one) => {
        return !isWhole(one) || one.trimEnd().endsWith('Response>')
      },
    )
    const long = pumps('<aResponse>', '<aResponse ', '</aResponse>')
    checkBounded(t, 'answers', long, isWhole)
    checkBounded(t, 'labels', long, (one) => [
      readTags([one]),
      tagsOf({ 'tsmachine-a': one }),
      keyFingerprint(one),
    ])
  },
)

t.test(
  'files of ours that a disk or an editor has damaged: read, or as if they were not there',
  async (t) => {
    const dir = t.testdir({})
    const lock = join(dir, 'lock')
    const files = machineFiles(dir)
    const drivers = join(dir, 'data', 'tsmachine', 'drivers')
    mkdirSync(drivers, { recursive: true })
    writeFileSync(files.saved, 'memory')
    const env = { XDG_DATA_HOME: join(dir, 'data'), AWS_CONFIG_FILE: join(dir, 'aws') }
    const good = { schema: 1, bytes: 6, disks: [{ path: dir, size: 1, changed: '1' }] }
    const saved = fc
      .tuple(fc.constantFrom('schema', 'bytes', 'disks'), hostileJson('path'))
      .map(([key, value]) => JSON.stringify({ ...good, [key]: value }))
    const texts = fc.oneof(
      hostileJson('schema', 'drivers', 'token').map((value) => JSON.stringify(value)),
      hostileText('[default]\n', 'region=', '{'),
      saved,
    )
    await forAll(
      t,
      'any text',
      texts,
      (text) => {
        for (const path of [
          lock,
          files.savedInfo,
          join(dir, 'aws'),
          join(drivers, 'drivers.json'),
          join(dir, 'package.json'),
        ])
          writeFileSync(path, text)
        const holder = readHolder(lock)
        if (holder !== undefined && typeof holder.token !== 'string') throw new Error(JSON.stringify(holder))
        const info = readSaved(files)
        if (info) fitsDisks(info)
        refusedOr(() => installedDrivers(env))
        refusedOr(() => packageEntry(dir))
        if (/\s/.test(profileRegion('', env))) throw new Error('a region with blanks')
      },
      {
        examples: [
          ...INHERITED_KEYS.map((key) => `{"${key}":1}`),
          '{"schema":1,"bytes":6,"disks":null}',
          '{"schema":1,"bytes":6,"disks":[null,{"path":"\\u0000"}]}',
          '{"main":"a\\u0000b"}',
          `${'{"exports":'.repeat(1)}${'{".":'.repeat(20_000)}1${'}'.repeat(20_001)}`,
        ],
      },
    )
  },
)
