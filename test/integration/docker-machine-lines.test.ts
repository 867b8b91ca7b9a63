/** Whole outputs under the name docker-machine, as the original prints them: both streams and the exit status. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { mapBounded } from '../../src/util/bounded.js'
import { DockerMachineUser } from '../helpers/docker-machine.js'

const AT_ONCE = 3
const URL_OF_NONE = 'tcp://127.0.0.1:1'
const MANIFEST = new URL('../../oclif.manifest.json', import.meta.url)

t.setTimeout(600_000)

function user(t: Test): DockerMachineUser {
  const made = new DockerMachineUser()
  t.teardown(() => rmSync(made.home, { recursive: true, force: true }))
  return made
}

const none = (name: string): readonly string[] => ['create', '-d', 'none', '--url', URL_OF_NONE, name]
const howTo = (name: string): string =>
  `To see how to connect your Docker Client to the Docker Engine running on this virtual machine, run: docker-machine env ${name}\n`
const unknown = (name: string): string =>
  `Docker machine "${name}" does not exist. Use "docker-machine ls" to list machines. Use "docker-machine create" to add a new one.\n`
const RM_WARNING = 'WARNING: This action will delete both local reference and remote instance.\n'
const NO_DEFAULT = 'Error: No machine name(s) specified and no "default" machine exists\n'
const ONE_NAME = 'Error: Expected one machine name as an argument\n'

/** [arguments, exit status, stdout, stderr] with machines `web` and `db` of driver none. */
const EXACT: readonly (readonly [args: readonly string[], code: number, stdout: string, stderr: string])[] = [
  [none('web'), 1, '', 'Docker machine "web" already exists\n'],
  [['start', 'web'], 1, 'Starting "web"...\n', 'Machine "web" is already running.\n'],
  [
    ['start', 'web', 'db'],
    1,
    'Starting "web"...\nStarting "db"...\n',
    'Machine "web" is already running.\nMachine "db" is already running.\n',
  ],
  [['stop', 'web'], 1, 'Stopping "web"...\n', 'hosts without a driver cannot be stopped\n'],
  [['kill', 'web'], 1, 'Killing "web"...\n', 'hosts without a driver cannot be killed\n'],
  [['restart', 'web'], 1, 'Restarting "web"...\n', 'hosts without a driver cannot be restarted\n'],
  [['status', 'web'], 0, 'Running\n', ''],
  [['url', 'web'], 0, `${URL_OF_NONE}\n`, ''],
  [['ip', 'web', 'db'], 0, '127.0.0.1\n127.0.0.1\n', ''],
  [['start', 'nope', 'web'], 1, '', unknown('nope')],
  [['inspect', 'nope'], 1, '', unknown('nope')],
  [['env', 'nope'], 1, '', unknown('nope')],
  [['config', 'nope'], 1, '', unknown('nope')],
  [['start'], 1, '', NO_DEFAULT],
  [['url', 'web', 'db'], 1, '', ONE_NAME],
  [['version', 'web', 'db'], 1, '', ONE_NAME],
  [['active', 'web'], 1, '', 'Error: Too many arguments given\n'],
  [['active'], 1, '', 'No active host found\n'],
  [['env', '-u', 'web'], 1, '', 'Error: Expected no machine name when the -u flag is present\n'],
  [
    ['bogus'],
    1,
    '',
    "docker-machine: 'bogus' is not a docker-machine command. See 'docker-machine --help'.\n",
  ],
  [
    ['help', 'bogus'],
    1,
    '',
    "docker-machine: 'bogus' is not a docker-machine command. See 'docker-machine --help'.\n",
  ],
  [['ls', '--bogus'], 1, '', 'flag provided but not defined: -bogus\n'],
  [['--bogus', 'ls'], 1, '', 'flag provided but not defined: -bogus\n'],
  [['-s'], 1, '', 'flag needs an argument: -s\n'],
  [['ls', '-timeout', 'abc'], 1, '', 'invalid value "abc" for flag -timeout: parse error\n'],
  [
    ['create', '-d', 'none', '--driver', 'generic', 'x'],
    1,
    '',
    'Cannot use two forms of the same flag: d driver\n',
  ],
  [
    ['create', '-d', 'linode', '--linode-image', 'x', 'y'],
    1,
    '',
    'Driver "linode" not found. Do you have the plugin binary "docker-machine-driver-linode" accessible in your PATH?\n',
  ],
  [
    ['create', '-d', 'generic', 'x'],
    1,
    '',
    'Error setting machine configuration from flags provided: generic driver requires the --generic-ip-address option\n',
  ],
  [
    ['rm', '-f', 'nope', 'nil'],
    0,
    `About to remove nope, nil\n${RM_WARNING}`,
    `Error removing host "nope": ${unknown('nope')}Can't remove "nope"\nError removing host "nil": ${unknown('nil')}Can't remove "nil"\n`,
  ],
]

t.test('streams, lines and exit statuses are those of the original', async (t) => {
  const me = user(t)
  const certs = join(me.store, 'certs')
  t.match(await me.machine(none('web')), {
    code: 0,
    stderr: '',
    stdout: `Creating CA: ${certs}/ca.pem\nCreating client certificate: ${certs}/cert.pem\nRunning pre-create checks...\nCreating machine...\n${howTo('web')}`,
  })
  t.match(await me.machine(none('db')), {
    code: 0,
    stderr: '',
    stdout: `Running pre-create checks...\nCreating machine...\n${howTo('db')}`,
  })
  const outcomes = await mapBounded(EXACT, AT_ONCE, async ([args]) => await me.machine(args))
  for (const [at, [args, code, stdout, stderr]] of EXACT.entries())
    t.strictSame(outcomes[at], { code, signal: null, stdout, stderr }, args.join(' '))
  t.strictSame(await me.machine(['rm', '-y', 'nope', 'web']), {
    code: 1,
    signal: null,
    stdout: `About to remove nope, web\n${RM_WARNING}Successfully removed web\n`,
    stderr: `Error removing host "nope": ${unknown('nope')}`,
  })
})

t.test(
  'flags stand before and after names, in either spelling, and no variable that is empty counts',
  async (t) => {
    const me = user(t)
    const ca = join(me.home, 'own', 'root.pem')
    const env = { MACHINE_TLS_CA_CERT: ca, MACHINE_TLS_CA_KEY: `${ca}.key`, MACHINE_TLS_CLIENT_CERT: '' }
    const args = [
      '-native-ssh',
      'create',
      '-driver',
      'none',
      'web',
      '-url=tcp://127.0.0.1:1',
      '--github-api-token',
      'x',
    ]
    t.match(await me.machine(args, { env }), { code: 0, stdout: `Creating CA: ${ca}\n` })
    const auth = '{{with .HostOptions.AuthOptions}}{{.CaCertPath}} {{.ClientCertPath}}{{end}}'
    t.equal(await me.done(['inspect', 'web', '-f', auth]), `${ca} ${me.store}/certs/cert.pem\n`)
    t.equal(await me.done(['ls', '-quiet', '-filter=driver=none', '--timeout', '0x5']), 'web\n')
    t.match(await me.machine(['ls', '-q', 'web', '-f', '{{.Name}}', '-debug=false']), {
      code: 0,
      stdout: 'web\n',
    })
    t.notMatch(readFileSync(join(me.store, 'machines/web/config.json'), 'utf8'), 'no-report')
  },
)

/** Words that make a command do something without a machine that can be reached. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  create: [...none('x').slice(1)],
  'image build': ['--help-me'],
  'image sources': ['--help-me'],
  scp: ['nope:/a', '/b'],
  mount: ['nope:/a', '/b'],
  ssh: ['nope', 'true'],
  doctor: [],
  ls: [],
  active: [],
  'shim install': ['/nowhere/at/all'],
  'shim uninstall': ['/nowhere/at/all'],
  rm: ['-y', 'nope'],
}

t.test('every command answers --json with one document under both names, errors included', async (t) => {
  const me = user(t)
  const { commands } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { commands: Record<string, unknown> }
  const names = Object.keys(commands).map((id) => id.replace(':', ' '))
  const rows = names.flatMap((name, at) => [
    { name, link: at % 2 === 0 },
    { name, link: at % 2 === 1 },
  ])
  const outcomes = await mapBounded(rows, AT_ONCE, async ({ name, link }) => {
    const args = ['--json', ...name.split(' '), ...(WORDS[name] ?? ['nope'])]
    // One of them writes where it is called.
    const options = { cwd: me.home }
    return await (link ? me.machine(args, options) : me.tsmachine(args, options))
  })
  for (const [at, { name, link }] of rows.entries()) {
    const { code = -1, stdout = '' } = outcomes[at] ?? {}
    const what = `${link ? 'docker-machine' : 'tsmachine'} ${name}`
    const document = JSON.parse(stdout === '' ? '{}' : stdout) as Record<string, unknown>
    t.match(document, { schema: 1, command: name }, what)
    if (document['ok'] === false) t.match(document, { error: { exitCode: code } }, what)
    else t.ok('result' in document, what)
  }
})
