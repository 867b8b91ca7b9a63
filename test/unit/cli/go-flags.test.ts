import { resolve } from 'node:path'
import t from 'tap'
import { globalOptions, takeLeadingGlobals } from '../../../src/cli/global-flags.js'
import { type KnownFlag, readGoFlags } from '../../../src/cli/go-flags.js'
import { isMachineError } from '../../../src/contracts/errors.js'
import { goBoolean, goInteger } from '../../../src/util/go-values.js'

const KNOWN: readonly KnownFlag[] = [
  { name: 'driver', char: 'd', takesValue: true },
  { name: 'format', char: 'f', takesValue: true },
  { name: 'label', takesValue: true, list: true },
  { name: 'quiet', char: 'q', takesValue: false },
  { name: 'yes', char: 'y', takesValue: false },
  { name: 'share-home', takesValue: false, negatable: true },
]

/** [as typed, as the parser gets it] */
const LINES: readonly (readonly [typed: readonly string[], read: readonly string[]])[] = [
  [
    ['-driver', 'none', 'web'],
    ['--driver=none', 'web'],
  ],
  [
    ['-driver=none', 'web', '-d', 'none'],
    ['--driver=none', 'web', '--driver=none'],
  ],
  [
    ['--driver', 'none', 'web', '--quiet'],
    ['--driver=none', 'web', '--quiet'],
  ],
  [
    ['web', '-q', 'db', '-y'],
    ['web', '--quiet', 'db', '--yes'],
  ],
  [['--quiet=false', 'web'], ['web']],
  [
    ['-quiet=T', 'web', '-yes=0'],
    ['--quiet', 'web'],
  ],
  [['-share-home=false'], ['--no-share-home']],
  [['--share-home'], ['--share-home']],
  [
    ['-label', 'a=b', '--label=c=d', '-label', '-x'],
    ['--label=a=b', '--label=c=d', '--label=-x'],
  ],
  [['-driver', '--quiet'], ['--driver=--quiet']],
  [
    ['--driver=', 'web'],
    ['--driver=', 'web'],
  ],
  [
    ['-f', '{{.Name}}', '--', '-q', '--driver', 'x'],
    ['--format={{.Name}}', '--', '-q', '--driver', 'x'],
  ],
  [['-qy'], ['--quiet', '--yes']],
  [
    ['-', 'web'],
    ['-', 'web'],
  ],
  [
    ['-d', 'a', '-d', 'b'],
    ['--driver=a', '--driver=b'],
  ],
  [
    ['-q', '--quiet'],
    ['--quiet', '--quiet'],
  ],
  [['--driver=a\nb'], ['--driver=a\nb']],
]

t.test('one dash or two, a value beside or behind, flags anywhere', async (t) => {
  for (const [typed, read] of LINES) t.same(readGoFlags(typed, KNOWN).words, read, typed.join(' '))
})

/** [as typed, message] */
const FAULTS: readonly (readonly [typed: readonly string[], message: string])[] = [
  [['web', '--driver'], 'flag needs an argument: -driver'],
  [['-d'], 'flag needs an argument: -d'],
  [['--quiet=maybe'], 'invalid boolean value "maybe" for -quiet: parse error'],
  [['-d', 'x', '--driver', 'y'], 'Cannot use two forms of the same flag: d driver'],
  [['--bogus=1', '-also'], 'flag provided but not defined: -bogus'],
  [['-qd', 'x'], 'flag provided but not defined: -qd'],
  [['--quiet', '-q=false'], 'Cannot use two forms of the same flag: quiet q'],
]

t.test('faults are named in the words of Go programs', async (t) => {
  for (const [typed, message] of FAULTS)
    t.throws(() => readGoFlags(typed, KNOWN), { code: 'usage', message }, typed.join(' '))
})

t.test('a flag that is not known comes with the nearest that is', async (t) => {
  const hintsOf = (word: string): unknown => {
    try {
      return readGoFlags([word], KNOWN)
    } catch (error) {
      return isMachineError(error) ? error.hints : error
    }
  }
  t.same(hintsOf('--formt'), ['Did you mean --format?'])
  t.same(hintsOf('--zzzzzzzz'), [])
})

t.test('reading stops at the first word where words are passed on', async (t) => {
  const line = readGoFlags(['-q', 'web', '-d', '-q', '--', 'x'], KNOWN, { stopAtWord: true })
  t.same(line, { words: ['--quiet'], rest: ['web', '-d', '-q', '--', 'x'] })
  t.same(readGoFlags(['--', '-q'], KNOWN, { stopAtWord: true }), { words: [], rest: ['--', '-q'] })
})

t.test('global flags in front: all of them, Go-style, and nothing of the command', async (t) => {
  const argv = ['-debug', '--native-ssh', '-tls-ca-cert', 'ca.pem', '--bugsnag-api-token=x', 'ls', '-q']
  t.same(takeLeadingGlobals(argv), {
    given: { debug: true, 'native-ssh': true, 'tls-ca-cert': 'ca.pem', 'bugsnag-api-token': 'x' },
    rest: ['ls', '-q'],
  })
  t.same(takeLeadingGlobals(['-D', '--bogus', 'ls']), { given: { debug: true }, rest: ['--bogus', 'ls'] })
  t.same(takeLeadingGlobals(['-v']), { given: {}, rest: ['-v'] })
})

t.test('variables stand in for global flags that are not given', async (t) => {
  const env = {
    MACHINE_TLS_CA_CERT: '/env/ca.pem',
    MACHINE_TLS_CA_KEY: '/env/ca-key.pem',
    MACHINE_TLS_CLIENT_CERT: '',
    MACHINE_NATIVE_SSH: '1',
  }
  t.same(globalOptions(env, { 'tls-ca-key': 'k.pem' }, { debug: false }), {
    debug: false,
    json: false,
    nativeSsh: true,
    tlsFiles: { caCert: '/env/ca.pem', caKey: resolve('k.pem') },
  })
  t.match(globalOptions({}, { debug: true }, { debug: false, json: true }), { debug: true, json: true })
  t.equal(globalOptions({ MACHINE_NATIVE_SSH: 'maybe' }).nativeSsh, false)
})

t.test('numbers and booleans are read as Go reads them', async (t) => {
  const numbers = { '0x10': 16, '010': 8, '0o17': 15, '0b11': 3, '-7': -7, '0': 0, ' 42 ': 42 }
  for (const [text, value] of Object.entries(numbers)) t.equal(goInteger(text), value, text)
  for (const text of ['', '08', '1e3', 'x', '1.5', '0x', '99999999999999999999'])
    t.equal(goInteger(text), undefined, text)
  t.same(['1', 'T', 'True', '0', 'F', 'false', 'yes', ''].map(goBoolean), [
    true,
    true,
    true,
    false,
    false,
    false,
    undefined,
    undefined,
  ])
})
