import t from 'tap'
import type { FlagSpec } from '../../../../src/contracts/driver.js'
import { ConfigReader } from '../../../../src/drivers/common/config-reader.js'
import { collectFlagValues, configFromFlags, parseWith } from '../../../../src/drivers/common/flags.js'

const flags: readonly FlagSpec[] = [
  { name: 'x-memory', key: 'memory', type: 'integer', env: 'X_MEMORY', default: 512, summary: 'memory' },
  { name: 'x-fast', key: 'fast', type: 'boolean', env: 'X_FAST', default: false, summary: 'fast' },
  { name: 'x-share', key: 'shares', type: 'list', env: 'X_SHARE', summary: 'shares' },
  {
    name: 'x-mode',
    key: 'mode',
    type: 'string',
    env: 'X_MODE',
    default: 'a',
    options: ['a', 'b'],
    summary: 'mode',
  },
  { name: 'x-token', key: 'token', type: 'integer', env: 'X_TOKEN', secret: true, summary: 'a secret' },
]

t.test('the command line beats the environment, which beats the default', async (t) => {
  const env = { X_MEMORY: '1024', X_FAST: 'true', X_MODE: '' }
  const { values, faults } = collectFlagValues(flags, { 'x-memory': 256 }, env)
  t.strictSame(faults, [])
  t.match(values, { 'x-memory': 256, 'x-fast': true, 'x-mode': 'a' }, 'an empty variable counts as unset')
  t.equal(
    collectFlagValues(flags, { 'x-fast': false }, env).values['x-fast'],
    false,
    'false given is a value',
  )
})

t.test('variables are read by the type of their flag', async (t) => {
  for (const [text, value] of [
    ['0x400', 1024],
    ['-3', -3],
    [' 7 ', 7],
    ['0', 0],
  ] as const)
    t.equal(collectFlagValues(flags, {}, { X_MEMORY: text }).values['x-memory'], value, text)
  t.strictSame(collectFlagValues(flags, {}, { X_SHARE: '/a, /b,,' }).values['x-share'], ['/a', '/b'])
  t.equal(collectFlagValues(flags, {}, { X_FAST: 'Off' }).values['x-fast'], false)
})

t.test('faults in variables are all reported, by variable and flag, and never with a secret', async (t) => {
  const { faults } = collectFlagValues(flags, {}, { X_MEMORY: '1e3', X_FAST: 'perhaps', X_TOKEN: 'hunter2' })
  t.strictSame(faults, [
    'X_MEMORY: "1e3" is not a whole number (it stands for --x-memory)',
    'X_FAST: "perhaps" is neither true nor false (it stands for --x-fast)',
    'X_TOKEN: its value is not a whole number (it stands for --x-token)',
  ])
})

t.test('parsing refuses unknown names, wrong types and options not offered, all at once', async (t) => {
  const parsed = parseWith(
    flags,
    { 'x-memroy': 1, 'x-memory': 'big', 'x-mode': 'c', 'x-share': 'one', 'x-fast': 1, 'x-token': 1.5 },
    (read, fault) => {
      if (read.integer('memory') === undefined) fault('own check ran too')
      return read.all()
    },
  )
  t.strictSame(parsed, {
    ok: false,
    faults: [
      'unknown flag --x-memroy; did you mean --x-memory?',
      '--x-memory wants a whole number',
      '--x-fast wants true or false',
      '--x-share wants a list of texts',
      '--x-mode wants one of a, b',
      '--x-token wants a whole number',
      'own check ran too',
    ],
  })
})

t.test('a good config is keyed by config key and holds plain JSON only', async (t) => {
  const parsed = parseWith(flags, { 'x-memory': 1, 'x-fast': undefined, 'x-share': ['/a'] })
  t.strictSame(parsed, { ok: true, config: { memory: 1, shares: ['/a'] } })
})

t.test('faults of the environment and of the driver end in one usage error', async (t) => {
  const factory = {
    name: 'x',
    flags,
    parse: (values: Parameters<typeof parseWith>[1]) => parseWith(flags, values),
  }
  t.strictSame(configFromFlags(factory, { 'x-memory': 1 }, {}), { memory: 1, fast: false, mode: 'a' })
  t.throws(() => configFromFlags(factory, { 'x-mode': 'z' }, { X_MEMORY: 'much' }), {
    code: 'usage',
    message:
      'Error setting machine configuration from flags provided: X_MEMORY: "much" is not a whole number (it stands for --x-memory); --x-mode wants one of a, b',
  })
})

t.test('a config reader reads wrong types as absent', async (t) => {
  const read = new ConfigReader({ a: 1, b: 'x', c: true, d: ['x', 1], e: 1.5 })
  t.equal(read.string('a'), '')
  t.equal(read.integer('b'), undefined)
  t.equal(read.integer('e'), undefined)
  t.equal(read.boolean('a'), false)
  t.equal(read.boolean('c'), true)
  t.strictSame(read.list('d'), ['x'])
  t.strictSame(read.list('zz'), [])
})
