import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { FlagValues } from '../../../src/contracts/driver.js'
import { words } from '../../../src/cli/args.js'
import { machineOptions } from '../../../src/cli/create-flags.js'
import { checkNode } from '../../../src/cli/diagnostics.js'
import { DRIVER_FLAGS, driverValues } from '../../../src/cli/driver-flags.js'
import { debugFromEnvironment, takeLeadingGlobals } from '../../../src/cli/global-flags.js'
import { splitPassedWords } from '../../../src/cli/passed-words.js'
import { loadFactory } from '../../../src/drivers/registry.js'
import { scratchDir } from '../../helpers/driver-deps.js'

t.test('global flags may stand before the command', async (t) => {
  t.same(takeLeadingGlobals(['-D', '-s', '/x', '--json', 'ls', '-q']), {
    given: { debug: true, 'storage-path': '/x', json: true },
    rest: ['ls', '-q'],
  })
  t.same(takeLeadingGlobals(['--storage-path=/y', 'ls']), { given: { 'storage-path': '/y' }, rest: ['ls'] })
  t.same(takeLeadingGlobals([]), { given: {}, rest: [] })
  t.throws(() => takeLeadingGlobals(['-s']), { code: 'usage', message: 'flag needs an argument: -s' })
})

t.test('MACHINE_DEBUG is a Go boolean', async (t) => {
  for (const word of ['1', 't', 'true', 'TRUE']) t.equal(debugFromEnvironment(word), true, word)
  for (const word of ['', '0', 'f', 'False', undefined])
    t.equal(debugFromEnvironment(word), false, String(word))
  t.throws(() => debugFromEnvironment('yes'), {
    message: /^Error parsing boolean value from MACHINE_DEBUG: /,
  })
})

/** [argv, what is ours, name, what is passed on] */
const PASSED: readonly (readonly [
  readonly string[],
  readonly string[],
  string | undefined,
  readonly string[],
])[] = [
  [['web', '--', 'ls', '--help'], [], 'web', ['--', 'ls', '--help']],
  [['web', 'ls', '-la'], [], 'web', ['ls', '-la']],
  [
    ['-s', '/x', '-D', 'web', '-L', '1:2', 'a b'],
    ['--storage-path=/x', '--debug'],
    'web',
    ['-L', '1:2', 'a b'],
  ],
  [['--storage-path=/x', 'web'], ['--storage-path=/x'], 'web', []],
  [['web', '--', '--', 'x'], [], 'web', ['--', '--', 'x']],
  [['--', 'uname'], [], undefined, ['--', 'uname']],
  [['web', ''], [], 'web', ['']],
  [[], [], undefined, []],
]

t.test('words after the name are passed on as they are', async (t) => {
  for (const [argv, own, name, passed] of PASSED)
    t.match(splitPassedWords(argv), { own, passed, ...(name === undefined ? {} : { name }) }, argv.join(' '))
})

t.test('only texts are words', async (t) => {
  t.same(words(['a', 1, undefined, 'b']), ['a', 'b'])
})

async function valuesOf(
  driver: string,
  ...rest: [Record<string, unknown>, Record<string, string>]
): Promise<FlagValues> {
  return driverValues(await loadFactory(driver), ...rest)
}

t.test('driver flags: the command line wins over the environment, that over the default', async (t) => {
  t.match(
    driverValues(
      await loadFactory('generic'),
      { 'generic-ip-address': '192.0.2.1' },
      { GENERIC_SSH_USER: 'admin' },
    ),
    {
      'generic-ip-address': '192.0.2.1',
      'generic-ssh-user': 'admin',
      'generic-ssh-port': 22,
    },
  )
  t.match(
    driverValues(await loadFactory('generic'), { 'generic-ssh-port': '0x16' }, { GENERIC_SSH_PORT: '99' }),
    {
      'generic-ssh-port': 22,
    },
  )
  t.match(
    driverValues(await loadFactory('generic'), { 'generic-ssh-port': 'abc' }, {}),
    { 'generic-ssh-port': 'abc' },
    'the driver complains',
  )
})

t.test('a flag of another driver and a bad variable are told together', async (t) => {
  await t.rejects(valuesOf('generic', { url: 'tcp://x:1' }, { GENERIC_SSH_PORT: 'x' }), {
    code: 'usage',
    message:
      /--url is a flag of the none driver, not of generic; GENERIC_SSH_PORT: "x" is not a whole number/,
  })
  await t.rejects(valuesOf('nonee', {}, {}), {
    code: 'usage',
    hints: ['Did you mean --driver none?', /Built-in/],
  })
})

t.test('the help of every driver flag says its variable and default', async (t) => {
  t.match(DRIVER_FLAGS['generic-ssh-port']?.summary, /env: GENERIC_SSH_PORT; default: 22/)
  t.match(DRIVER_FLAGS['generic-ssh-port']?.helpGroup, 'DRIVER generic')
})

t.test('shared options of create: lists, variables, CA files', async (t) => {
  const file = join(scratchDir(t), 'ca.pem')
  const pem = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n'
  writeFileSync(file, pem)
  const flags = {
    'engine-registry-mirror': ['https://b'],
    'engine-registry-ca': [`10.0.2.2:5000=${file}`],
    'engine-label': ['a=b=c'],
  }
  const options = await machineOptions(flags, {
    ENGINE_REGISTRY_MIRROR: 'https://a, ',
    MACHINE_DOCKER_INSTALL_URL: 'https://get.docker.com',
  })
  t.match(options, {
    tlsSans: [],
    engine: {
      registryMirrors: ['https://a', 'https://b'],
      registryCas: { '10.0.2.2:5000': pem },
      labels: ['a=b=c'],
    },
  })
  t.notOk('installUrl' in options.engine, "docker-machine's default means not chosen")
})

t.test('bad values of create are refused before anything is made', async (t) => {
  const dir = scratchDir(t)
  writeFileSync(join(dir, 'no.pem'), 'hello')
  const bad: readonly (readonly [Parameters<typeof machineOptions>[0], RegExp])[] = [
    [{ 'engine-label': ['novalue'] }, /--engine-label wants KEY=VALUE/],
    [{ 'engine-env': ['=x'] }, /--engine-env wants KEY=VALUE/],
    [{ 'engine-registry-ca': ['nofile'] }, /wants HOST\[:PORT\]=FILE/],
    [{ 'engine-registry-ca': [`../x=${dir}/no.pem`] }, /wants HOST\[:PORT\]=FILE/],
    [{ 'engine-registry-ca': [`h=${dir}/missing`] }, /Cannot read the CA certificate/],
    [{ 'engine-registry-ca': [`h=${dir}/no.pem`] }, /is not a PEM certificate/],
  ]
  for (const [flags, message] of bad) await t.rejects(machineOptions(flags, {}), { code: 'usage', message })
})

t.test('doctor knows a Node that is too old', async (t) => {
  t.equal(checkNode('20.19.0').level, 'good')
  t.equal(checkNode('22.1.0').level, 'good')
  t.match(checkNode('20.18.3'), { level: 'bad', text: /too old/ })
})
