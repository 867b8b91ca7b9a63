import type { ChildProcess } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runChecked } from '../../src/util/exec.js'
import { waitFor } from '../../src/util/wait.js'
import { type Outcome, PROGRAM, TestUser } from '../helpers/cli.js'
import { dockerMachineRecord } from '../helpers/records.js'

const MANIFEST = new URL('../../oclif.manifest.json', import.meta.url)
const URL_OF_NONE = 'tcp://127.0.0.1:1'

t.setTimeout(600_000)

/** Machines of driver none leave nothing but their records: no `rm` is needed afterwards. */
function user(t: Test, store?: string): TestUser {
  const made = new TestUser(store === undefined ? {} : { store })
  t.teardown(() => rmSync(made.home, { recursive: true, force: true }))
  return made
}

async function createNone(user: TestUser, name: string, url = URL_OF_NONE): Promise<void> {
  await user.ok(['create', '-d', 'none', '--url', url, name])
}

interface CommandEntry {
  readonly examples?: readonly string[]
  readonly flags: Readonly<Record<string, { readonly summary?: string }>>
}

t.test('every command has help with examples, and every flag a summary', async (t) => {
  const me = user(t)
  const { commands } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as {
    commands: Record<string, CommandEntry>
  }
  const ids = Object.keys(commands)
  t.ok(ids.length >= 26, `${ids.length} commands`)
  for (const [id, command] of Object.entries(commands)) {
    t.ok((command.examples ?? []).length > 0, `${id} has examples`)
    for (const [flag, { summary }] of Object.entries(command.flags))
      t.ok(summary, `${id} --${flag} says what it does`)
  }
  const samples = ['create', 'image:build', 'ssh']
  for (const id of samples) {
    const { code, stdout, stderr } = await me.tsmachine([...id.split(':'), '--help'])
    t.match({ code, stderr }, { code: 0, stderr: '' }, id)
    t.match(stdout, /USAGE[\s\S]*EXAMPLES/, id)
  }
  const root = await me.tsmachine([])
  t.match(root, { code: 0, stderr: '' })
  for (const id of ids) t.match(root.stdout, id.split(':')[0], `${id} is in the help`)
})

/** [arguments, exit status, what stderr says] */
const USAGE: readonly (readonly [args: readonly string[], code: number, stderr: RegExp])[] = [
  [['creat', 'web'], 2, /'creat' is not a tsmachine command[\s\S]*Did you mean 'tsmachine create'\?/],
  [['image', 'buidl'], 2, /Did you mean 'tsmachine image build'\?/],
  [['help', 'bogus'], 2, /'bogus' is not a tsmachine command/],
  [['create'], 2, /Error: No machine name specified/],
  [['create', '-n', '2', 'a'], 2, /has no \{n\}[^]*create -n 20 ci-\{n\}/],
  [['create', '-n', '0', 'a-{n}'], 2, /greater than or equal to 1/],
  [['create', 'a', 'b_c'], 2, /Invalid hostname specified/],
  [
    ['create', '--generic-ssh-prot', '22', 'web'],
    2,
    /flag provided but not defined: -generic-ssh-prot[\s\S]*--generic-ssh-port/,
  ],
  [['create', '-d', 'nonee', 'web'], 2, /Driver "nonee" not found[\s\S]*Did you mean --driver none\?/],
  [['create', '-d', 'none', 'web'], 2, /--url option is required/],
  [
    ['create', '-d', 'none', '--url', URL_OF_NONE, '--generic-ssh-port', '1', 'web'],
    2,
    /is a flag of the generic driver/,
  ],
  [['create', '-d', 'generic', '--generic-ssh-port', 'abc', 'web'], 2, /--generic-ssh-port/],
  [
    ['create', '-d', 'none', '--url', URL_OF_NONE, '--engine-label', 'x', 'web'],
    2,
    /--engine-label wants KEY=VALUE/,
  ],
  [['create', '-d', 'none', '--url', URL_OF_NONE, 'a_b'], 2, /Allowed hostname chars are: 0-9a-zA-Z \. -/],
  [['create', '-d', 'none', '--url', URL_OF_NONE, '--', '-x'], 2, /Allowed hostname chars/],
  [['create', '-d', 'none', '--url', URL_OF_NONE, '../up'], 2, /Allowed hostname chars/],
  [['ls', '--timeout', 'abc'], 2, /invalid value "abc" for flag -timeout: parse error/],
  [['ls', '--filter', 'label'], 2, /Unsupported filter syntax/],
  [['-s'], 2, /flag needs an argument: -s/],
  [['rm'], 2, /Expected to get one or more machine names/],
  [['stop'], 2, /no "default" machine exists/],
  [['env', '-u', 'web'], 2, /Expected no machine name when the -u flag is present/],
  [['env', '--shell', '', 'web'], 2, /Unknown shell/],
  [['active', 'x'], 2, /Too many arguments given/],
  [['inspect', '-f', '{{.Bad', 'web'], 2, /template parsing error: template: 1:1/],
  [['ip', 'nope'], 1, /Docker machine "nope" does not exist\. Use "tsmachine ls"/],
  [['active'], 1, /No active host found/],
  [['image', 'inspect', 'ffffffffffff'], 1, /ffffffffffff/],
]

t.test('bad command lines say what is wrong and how it is right', async (t) => {
  const me = user(t)
  for (const [args, code, stderr] of USAGE)
    t.match(await me.tsmachine(args, { env: { SHELL: '' } }), { code, stdout: '', stderr }, args.join(' '))
  t.notOk(existsSync(me.store), 'nothing was made')
})

t.test('errors go to stderr with their exit status', async (t) => {
  const me = user(t)
  const [unknown, flag, missing] = await Promise.all([
    me.tsmachine(['creat', 'web']),
    me.tsmachine(['create', '--generic-ssh-prot', '22', 'web']),
    me.tsmachine(['ip', 'nope']),
  ])
  t.match(unknown, { code: 2, stdout: '', stderr: /Did you mean 'tsmachine create'/ })
  t.match(flag, { code: 2, stdout: '', stderr: /Did you mean --generic-ssh-port/ })
  t.match(missing, { code: 1, stdout: '', stderr: /Docker machine "nope" does not exist/ })
})

t.test('a machine of driver none lives from create to rm', async (t) => {
  const me = user(t)
  const created = await me.tsmachine(['create', '-d', 'none', '--url', 'tcp://192.0.2.7:2376', 'web'])
  t.match(created, { code: 0, stdout: '' }, 'the story is on stderr')
  t.match(created.stderr, /run: tsmachine env web/)
  t.equal(await me.ok(['ls', '-q']), 'web\n')
  t.equal(await me.ok(['ip', 'web']), '192.0.2.7\n')
  t.equal(await me.ok(['url', 'web']), 'tcp://192.0.2.7:2376\n')
  t.equal(await me.ok(['status', 'web']), 'Running\n')
  t.equal(
    await me.ok(['inspect', '-f', '{{.DriverName}} {{.Driver.URL}}', 'web']),
    'none tcp://192.0.2.7:2376\n',
  )
  t.equal(await me.ok(['active'], { env: { DOCKER_HOST: 'tcp://192.0.2.7:2376' } }), 'web\n')
  t.match(await me.tsmachine(['create', '-d', 'none', '--url', URL_OF_NONE, 'web']), {
    code: 1,
    stderr: /Docker machine "web" already exists/,
  })
  t.match(await me.tsmachine(['start', 'web']), { code: 1, stderr: /Machine "web" is already running\./ })
  for (const verb of ['stop', 'kill', 'restart'])
    t.match(await me.tsmachine([verb, 'web']), { code: 1, stderr: /hosts without a driver cannot be/ }, verb)
  t.match(await me.tsmachine(['ssh', 'web', 'true']), { code: 1, stderr: /has no SSH/ })
  t.match(await me.tsmachine(['rm', 'web']), { code: 2, stderr: /no terminal to ask on/ })
  t.equal(await me.ok(['ls', '-q']), 'web\n', 'nothing was removed')
  t.match(await me.tsmachine(['rm', '-y', 'web', 'nope']), {
    code: 1,
    stderr: /Successfully removed web[\s\S]*Error removing host "nope": /,
  })
  t.equal(await me.ok(['ls', '-q']), '', 'an unknown name stops nobody else')
  t.match(await me.tsmachine(['rm', '-f', 'web']), { code: 0, stderr: /Can't remove "web"/ })
  t.equal(await me.ok(['ls', '-q']), '')
})

interface Document {
  readonly schema: number
  readonly command: string
  readonly ok: boolean
  readonly result?: unknown
  readonly error?: { readonly code: string; readonly exitCode: number }
}

function only(outcome: Outcome): Document {
  return JSON.parse(outcome.stdout) as Document
}

t.test('--json puts one document alone on stdout, also for errors, under both names', async (t) => {
  const me = user(t)
  await createNone(me, 'web')
  t.match(only(await me.tsmachine(['ls', '--json', '-t', '2'])), {
    schema: 1,
    command: 'ls',
    ok: true,
    result: [{ name: 'web' }],
  })
  t.match(only(await me.tsmachine(['--json', 'url', 'web'])), {
    command: 'url',
    result: { url: URL_OF_NONE },
  })
  t.match(only(await me.tsmachine(['env', '--json', 'web'])), { result: { DOCKER_HOST: URL_OF_NONE } })
  const bad = await me.tsmachine(['status', 'nope', '--json'])
  t.match(only(bad), { ok: false, command: 'status', error: { code: 'not-found', exitCode: 1 } })
  t.equal(bad.stderr, '')
  t.match(only(await me.tsmachine(['ls', '--bogus', '--json'])), { error: { code: 'usage', exitCode: 2 } })
  const link = join(me.home, 'docker-machine')
  symlinkSync(PROGRAM, link)
  t.match(only(await me.tsmachine(['rm', '-y', 'web', '--json'], { program: link })), {
    result: { removed: ['web'] },
  })
})

t.test('as docker-machine: its words, its streams, its exit codes', async (t) => {
  const me = user(t)
  const link = join(me.home, 'docker-machine')
  symlinkSync(PROGRAM, link)
  const run = async (...args: string[]): Promise<Outcome> => await me.tsmachine(args, { program: link })
  t.match(await run('--version'), { code: 0, stdout: /^docker-machine version \S+, build \S+\n$/ })
  t.match(await run('bogus'), {
    code: 1,
    stderr: /^docker-machine: 'bogus' is not a docker-machine command\. See 'docker-machine --help'\.\n/,
  })
  const created = await run('create', '-d', 'none', '--url', URL_OF_NONE, 'web')
  t.match(created, { code: 0, stderr: '', stdout: /run: docker-machine env web\n$/ })
  t.match(await run('ls', '-t', '2'), {
    stdout: /^NAME +ACTIVE +DRIVER +STATE +URL +SWARM +DOCKER +ERRORS\n/,
  })
  t.match(await run('env', '--shell', 'bash', 'web'), {
    stdout: /\n# eval \$\(docker-machine env --shell bash web\)\n$/,
  })
  t.match(await run('create', '-d', 'none', '--url', URL_OF_NONE, 'web'), {
    code: 1,
    stderr: /^Docker machine "web" already exists\n/,
  })
  t.match(await run('stop'), { code: 1, stderr: /^Error: No machine name/ })
  const declined = await run('rm', 'web')
  t.match(declined, { code: 0, stdout: /^About to remove web\nWARNING: This action will delete both/ })
  t.match(await run('rm', '-y', 'web'), { code: 0, stdout: 'Successfully removed web\n', stderr: '' })
})

t.test('a store that docker-machine made works as it is, and reading leaves it so', async (t) => {
  const me = user(t)
  for (const [name, driver] of [
    ['plain', 'none'],
    ['gen', 'generic'],
  ] as const) {
    const dir = join(me.store, 'machines', name)
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    writeFileSync(join(dir, 'config.json'), dockerMachineRecord(driver), { mode: 0o600 })
  }
  const listed = await me.ok(['ls', '-t', '3'])
  t.match(listed, /^gen +- +generic +/m)
  t.match(listed, /^plain +- +none +Running +tcp:\/\/192\.0\.2\.10:2376 +/m)
  t.equal(await me.ok(['url', 'plain']), 'tcp://192.0.2.10:2376\n')
  t.equal(
    await me.ok(['inspect', '-f', '{{.Driver.SSHPort}} {{json .HostOptions.EngineOptions.Labels}}', 'gen']),
    '22922 ["zone=a"]\n',
  )
  t.equal(
    readFileSync(join(me.store, 'machines', 'plain', 'config.json'), 'utf8'),
    dockerMachineRecord('none'),
  )
  t.same(readdirSync(me.store), ['machines'], 'nothing was made')
  t.same(readdirSync(join(me.store, 'machines', 'gen')), ['config.json'])
})

t.test('global flags work before and after the command', async (t) => {
  const me = user(t)
  const other = join(me.home, 'other')
  await me.ok(['-s', other, 'create', '-d', 'none', '--url', URL_OF_NONE, 'web'])
  t.equal(await me.ok(['ls', '-q']), '')
  t.equal(await me.ok(['ls', '-q', '--storage-path', other]), 'web\n')
  t.equal(await me.ok([`--storage-path=${other}`, 'ls', '-q']), 'web\n')
  t.match(await me.tsmachine(['ls'], { env: { MACHINE_DEBUG: 'maybe' } }), {
    code: 2,
    stderr: /MACHINE_DEBUG/,
  })
  t.match(await me.tsmachine(['-D', 'ip', 'nope']), { code: 1, stderr: /\n {4}at / }, 'debug shows the trace')
})

t.test('a record full of terminal escapes reaches no terminal', async (t) => {
  const me = user(t)
  const dir = join(me.store, 'machines', 'evil')
  mkdirSync(dir, { recursive: true })
  writeFileSync(
    join(dir, 'config.json'),
    '{"ConfigVersion":3,"DriverName":"\\u001b]0;x\\u0007\\u009b2J\\u202e"}',
  )
  mkdirSync(join(me.store, 'machines', 'na\u001b[31mme'), { recursive: true })
  for (const args of [['ls'], ['status', 'evil'], ['ls', '--json'], ['status', '\u001b[2Jx']]) {
    const { stdout, stderr } = await me.tsmachine(args)
    t.notMatch(stdout + stderr, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/, args.join(' '))
  }
})

t.test('of two creates of one name one wins and the other says so', async (t) => {
  const me = user(t)
  const args = ['create', '-d', 'none', '--url', URL_OF_NONE, 'web']
  const outcomes = await Promise.all([me.tsmachine(args), me.tsmachine(args), me.tsmachine(args)])
  t.same(outcomes.map(({ code }) => code).sort(), [0, 1, 1])
  for (const { code, stderr } of outcomes)
    if (code === 1) t.match(stderr, /Docker machine "web" already exists/)
  t.equal(await me.ok(['ls', '-q']), 'web\n')
})

t.test('a reader that goes away does not hurt', async (t) => {
  const me = user(t)
  await createNone(me, 'web')
  const script = '$NODE $P inspect web | head -c 1; echo "${PIPESTATUS[0]}"'
  const { stdout, stderr } = await me.run('bash', ['-c', script], {
    env: { NODE: process.execPath, P: PROGRAM },
  })
  t.match(stdout, /^\{\d+\n$/)
  t.notMatch(stderr, /EPIPE/)
})

t.test('a store that cannot be written is told as that', async (t) => {
  const me = user(t)
  const file = join(me.home, 'file')
  writeFileSync(file, '')
  const outcome = await me.tsmachine([
    '-s',
    join(file, 'store'),
    'create',
    '-d',
    'none',
    '--url',
    URL_OF_NONE,
    'web',
  ])
  t.match(outcome, { code: 1, stderr: /file/ })
  t.notMatch(outcome.stderr, /bug in tsmachine/)
  t.match(await me.tsmachine(['-s', join(file, 'store'), 'ls', '-q']), { stdout: '' })
})

t.test('a user without an entry in passwd, as in a container of any uid, is served', async (t) => {
  const me = user(t)
  const { SHELL: _shell, ...bare } = me.env
  const words = [
    '--user',
    '--map-user=4321',
    'env',
    '-i',
    ...Object.entries(bare).map((pair) => pair.join('=')),
  ]
  const outcome = await me.run('unshare', [...words, process.execPath, PROGRAM, 'ls', '-q'])
  t.match(outcome, { code: 0, stderr: '' })
  const homeless = words.filter((word) => !/^(HOME|XDG_CACHE_HOME|MACHINE_STORAGE_PATH)=/.test(word))
  const ended = await me.run('unshare', [...homeless, process.execPath, PROGRAM, 'ls'])
  t.match(ended, { code: 2, stdout: '', stderr: /^Error: HOME is not set.*\n.*\n.*export HOME=/ })
})

t.test('Ctrl-C ends a program whose exit waits for a pipe that it reads', async (t) => {
  const me = user(t)
  const fifo = join(me.home, 'user-data')
  await runChecked('driver', 'mkfifo', [fifo])
  const { O_WRONLY, O_NONBLOCK } = constants
  const press = async (child: ChildProcess): Promise<void> => {
    // Refused (ENXIO) until somebody reads.
    const opened = () => Promise.resolve().then(() => openSync(fifo, O_WRONLY | O_NONBLOCK))
    const writing = await waitFor('the program to read', opened, { deadlineMs: 60_000 })
    t.teardown(() => closeSync(writing))
    child.kill('SIGINT')
    // One that comes between the last word and the exit is lost.
    const again = setInterval(() => child.kill('SIGINT'), 200)
    child.once('close', () => clearInterval(again))
  }
  const words = [
    'create',
    '-d',
    'hetzner',
    '--hetzner-api-token',
    'x',
    '--hetzner-user-data-file',
    fifo,
    'web',
  ]
  const outcome = await me.tsmachine(words, { limitMs: 90_000, started: (child) => void press(child) })
  t.match(outcome.stderr, /Interrupted by SIGINT/)
  t.not(outcome.signal, 'SIGKILL', 'the test had to end it')
})
