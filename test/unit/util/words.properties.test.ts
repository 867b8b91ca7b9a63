/** What is typed as words: sizes, ports, networks, durations, flags, filters, URLs. Read as meant, or refused. */
import fc from 'fast-check'
import t from 'tap'
import { type KnownFlag, readGoFlags } from '../../../src/cli/go-flags.js'
import { createNames } from '../../../src/machine/create-names.js'
import { withoutProxy } from '../../../src/machine/env.js'
import { parseForward } from '../../../src/machine/forward.js'
import { filterRecords, parseFilter } from '../../../src/machine/list-filter.js'
import { parseSource } from '../../../src/machine/access-rules.js'
import { parseSide } from '../../../src/machine/side.js'
import { addressIn } from '../../../src/drivers/plugin/observe.js'
import { readAddress } from '../../../src/drivers/plugin/wire/address.js'
import { parse as parseQemu } from '../../../src/drivers/qemu/config.js'
import { parseShare } from '../../../src/drivers/qemu/shares.js'
import { engineAddress, urlFault } from '../../../src/drivers/none/url.js'
import { covers, isPrivateAddress, normalCidr } from '../../../src/util/cidr.js'
import { parseDuration, shortDuration } from '../../../src/util/duration.js'
import { goRegExp } from '../../../src/util/go-regexp.js'
import { goBoolean, goInteger } from '../../../src/util/go-values.js'
import { nearest } from '../../../src/util/nearest.js'
import { proxyFor } from '../../../src/util/proxy.js'
import { checkBounded, forAll, hostileText, pumps, refusedOr } from '../../helpers/properties.js'

const WORDS = [
  '8080:80',
  '/udp',
  '10.0.0.0/8',
  '::/0',
  '1d',
  '2h',
  '--name',
  '-f',
  '=',
  'name=',
  'label=',
  '(?i)',
  '\\pL',
  '[[:alpha:]]',
  'tcp://',
  '%zone',
]

t.test('ports, networks, durations and numbers', async (t) => {
  await forAll(t, 'any text', hostileText(...WORDS), (text) => {
    const forward = refusedOr(() => parseForward(text))
    if (
      forward &&
      ![forward.hostPort, forward.guestPort].every(
        (port) => Number.isInteger(port) && port > 0 && port < 65_536,
      )
    )
      throw new Error('no port')
    const cidr = normalCidr(text)
    if (cidr !== undefined && normalCidr(cidr) !== cidr) throw new Error(`${cidr} is not normal`)
    refusedOr(() => parseSource(text))
    covers(text, text)
    isPrivateAddress(text)
    const ms = parseDuration(text)
    if (ms !== undefined) shortDuration(ms)
    goBoolean(text)
    const integer = goInteger(text)
    return integer === undefined || Number.isSafeInteger(integer)
  })
  await forAll(t, 'IPv4', fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })), ([address, length]) => {
    const cidr = normalCidr(`${address}/${length}`) ?? ''
    return covers(cidr, address) && normalCidr(cidr) === cidr
  })
  await forAll(t, 'IPv6', fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })), ([address, length]) => {
    // With an IPv4 address in its end it may be one of IPv4.
    const cidr = normalCidr(`${address}/${length}`)
    return cidr === undefined || normalCidr(cidr) === cidr
  })
  await forAll(
    t,
    'durations',
    fc.record({ d: fc.nat(999), h: fc.nat(999), m: fc.nat(999) }),
    ({ d, h, m }) => parseDuration(`${d}d${h}h${m}m`) === ((d * 24 + h) * 60 + m) * 60_000,
  )
  await forAll(
    t,
    'forwards',
    fc.tuple(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 65_535 })),
    ([host, guest]) => {
      const read = parseForward(`${host}:${guest}/udp`)
      return read.hostPort === host && read.guestPort === guest && read.protocol === 'udp'
    },
  )
})

const FLAGS: readonly KnownFlag[] = [
  { name: 'name', char: 'n', takesValue: true },
  { name: 'label', takesValue: true, list: true },
  { name: 'force', char: 'f', takesValue: false, negatable: true },
]

t.test('a command line: every value arrives as it was typed', async (t) => {
  await forAll(t, 'any words', fc.array(hostileText(...WORDS), { maxLength: 5 }), (argv) => {
    refusedOr(() => readGoFlags(argv, FLAGS))
  })
  await forAll(t, 'values', fc.tuple(hostileText(...WORDS), hostileText(...WORDS)), ([name, label]) => {
    const { words } = readGoFlags(['-name', name, `--label=${label}`, '--', name], FLAGS)
    return JSON.stringify(words) === JSON.stringify([`--name=${name}`, `--label=${label}`, '--', name])
  })
  await forAll(t, 'names with a number', fc.array(hostileText('{n}'), { maxLength: 3 }), (names) => {
    refusedOr(() => createNames(names, 3))
  })
})

t.test('filters and the patterns of Go', async (t) => {
  await forAll(t, 'any text', hostileText(...WORDS), (text) => {
    for (const form of [text, `name=${text}`, `label=${text}`]) {
      const filter = refusedOr(() => parseFilter(form))
      if (filter) filterRecords([], [filter])
    }
  })
  await forAll(
    t,
    'a quoted text fits itself alone',
    hostileText(...WORDS).filter((text) => !text.includes('\\E') && text.length < 200),
    (text) => {
      const pattern = goRegExp(`^\\Q${text}\\E$`)
      return pattern.test(text) && (text === '' || !pattern.test(`${text}x`))
    },
  )
})

t.test('URLs, sides of a copy, addresses of plugins, proxies', async (t) => {
  await forAll(t, 'any text', hostileText(...WORDS), (text) => {
    const side = parseSide(text)
    if (side.machine === undefined && ![text, text.replace(/^[^:/]*:/, '')].includes(side.path))
      throw new Error(side.path)
    const { port } = engineAddress(text)
    if (urlFault(text) === undefined && (port > 65_535 || /[\0\n\r]/.test(text))) throw new Error('no URL')
    const address = readAddress(text)
    if (address && !isPrivateLoopback(address.host)) throw new Error(address.host)
    refusedOr(() => addressIn(text, undefined))
    parseShare(text)
    parseQemu({ 'qemu-memory': 1024, 'qemu-share': [text], 'qemu-network': text })
    const added = withoutProxy({ NO_PROXY: text }, '192.0.2.1', 'linux')
    return added.every(([, value]) => value.includes('192.0.2.1'))
  })
  const url = new URL('https://api.example')
  await forAll(
    t,
    'a proxy, and its password in no message',
    fc.tuple(hostileText('http://', '/', '@'), fc.stringMatching(/^[a-z]{6,9}$/)),
    ([lead, word]) => {
      const secret = `${word}S3`
      for (const text of [
        lead,
        `http://joe:${secret}@${lead}`,
        `http://joe:${secret}/x@proxy:1`,
        `ftp://${secret}@h`,
      ])
        try {
          proxyFor(url, { HTTPS_PROXY: text })
        } catch (error) {
          if (!(error instanceof TypeError)) throw error
          if (error.message.includes(secret)) throw new Error(`told: ${error.message}`, { cause: error })
        }
    },
  )
})

function isPrivateLoopback(host: string): boolean {
  return host.startsWith('127.') || host.endsWith('1')
}

t.test('long texts take no longer than their length', async (t) => {
  const texts = pumps('1d', '::', '1:', '@', '//', 'a.')
  checkBounded(t, 'networks', texts, (text) => [
    normalCidr(text),
    normalCidr(`1${text}/8`),
    goInteger(text),
    parseDuration(text),
  ])
  checkBounded(t, 'words', texts, (text) => [
    refusedOr(() => parseForward(text)),
    refusedOr(() => readGoFlags([`--${text}`], FLAGS)),
    nearest(
      text,
      Array.from({ length: 500 }, (_each, index) => `machine-${index}`),
    ),
    parseSide(text),
    engineAddress(`tcp://${text}`),
    urlFault(text),
  ])
  checkBounded(t, 'filters', texts, (text) => refusedOr(() => parseFilter(`name=${text}`)))
  checkBounded(t, 'no_proxy', texts, (text) =>
    proxyFor(new URL('http://a.example'), { http_proxy: 'http://p', no_proxy: text }),
  )
})
