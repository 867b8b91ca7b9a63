/** What docker-machine's own command line tests expect (its folder `its`), through a link of that name. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { mapBounded } from '../../src/util/bounded.js'
import type { Outcome } from '../helpers/cli.js'
import { DockerMachineUser } from '../helpers/docker-machine.js'

/** Starts of the program at once. */
const AT_ONCE = 3

t.setTimeout(600_000)

/** Machines of driver none leave nothing but their records. */
function user(t: Test): DockerMachineUser {
  const made = new DockerMachineUser()
  t.teardown(() => rmSync(made.home, { recursive: true, force: true }))
  return made
}

/** Runs many command lines that do not depend on each other. */
async function each<Row extends readonly [args: readonly string[], ...unknown[]]>(
  me: DockerMachineUser,
  rows: readonly Row[],
  check: (row: Row, outcome: Outcome) => void,
): Promise<void> {
  const outcomes = await mapBounded(rows, AT_ONCE, async (row) => ({
    row,
    outcome: await me.machine(row[0]),
  }))
  for (const { row, outcome } of outcomes) check(row, outcome)
}

const NONE = ['create', '-d', 'none', '--url', 'none']
const INVALID =
  /^Error creating machine: Invalid hostname specified\. Allowed hostname chars are: 0-9a-zA-Z \. -$/m
const NO_DEFAULT = /^Error: No machine name\(s\) specified and no "default" machine exists$/m

/** Command lines that fail, with the line of stderr that scripts look for. */
const FAILURES: readonly (readonly [args: readonly string[], stderr: RegExp])[] = [
  [
    ['create', '-d', 'bogus', 'bogus'],
    /^Driver "bogus" not found\. Do you have the plugin binary "docker-machine-driver-bogus" accessible in your PATH\?$/m,
  ],
  [['create', '-d', 'none'], /^Error: No machine name specified$/m],
  [[...NONE, ''], /^Error: No machine name specified$/m],
  [[...NONE, '∞'], INVALID],
  [[...NONE, '-'], INVALID],
  [[...NONE, '.'], INVALID],
  [[...NONE, '..'], INVALID],
  [[...NONE, 'name', 'extra'], /^Invalid command line\. Found extra arguments \[extra\]$/m],
  [['rm', '-y'], /^Error: Expected to get one or more machine names as arguments$/m],
  [['rm', '∞', '-y'], /^Error removing host "∞": Docker machine "∞" does not exist\./m],
  [['inspect'], NO_DEFAULT],
  [['status'], NO_DEFAULT],
  [['url'], NO_DEFAULT],
]

t.test('bad command lines fail with the words that scripts know', async (t) => {
  const me = user(t)
  await each(me, FAILURES, ([args, stderr], outcome) => {
    t.match(outcome, { code: 1, stderr }, args.join(' '))
  })
  t.notOk(existsSync(join(me.store, 'machines')), 'nothing was made')
})

t.test('names of one character are valid, and rm asks unless it is told not to', async (t) => {
  const me = user(t)
  await me.done([...NONE, 'a'])
  await me.done([...NONE, '0'])
  const both = await me.done(['rm', '-y', 'a', '0'])
  for (const name of ['a', '0']) t.match(both, new RegExp(`^Successfully removed ${name}$`, 'm'))
  await me.done([...NONE, 'b'])
  const question =
    /^About to remove b\nWARNING: This action will delete both local reference and remote instance\.\nAre you sure\? \(y\/n\): /
  for (const [input, left] of [
    ['n\n', 'b\n'],
    ['', 'b\n'],
    ['y\n', ''],
  ] as const) {
    t.match(await me.machine(['rm', 'b'], { input }), { code: 0, stdout: question }, JSON.stringify(input))
    t.equal(await me.done(['ls', '-q']), left, `after ${JSON.stringify(input)}`)
  }
  await me.done([...NONE, 'c'])
  const forced = await me.machine(['rm', '-f', 'c'])
  t.match(forced, { code: 0, stdout: /^Successfully removed c$/m, stderr: '' })
  t.notMatch(forced.stdout, 'Are you sure')
  t.strictSame(
    readdirSync(join(me.store, 'machines')).filter((name) => !name.startsWith('.')),
    [],
  )
})

const COMMANDS = [
  ...['active', 'config', 'create', 'env', 'help', 'inspect', 'ip', 'kill', 'ls', 'mount', 'provision'],
  ...[
    'regenerate-certs',
    'restart',
    'rm',
    'scp',
    'ssh',
    'start',
    'status',
    'stop',
    'upgrade',
    'url',
    'version',
  ],
]

t.test('every command has help, and so has the program', async (t) => {
  const me = user(t)
  const rows: (readonly [readonly string[], RegExp])[] = [
    ...COMMANDS.map((name) => [[name, '-h'], new RegExp(`machine ${name}`)] as const),
    [['create', '-d', 'none', '-h'], /--url/],
    [[], /Usage: docker-machine/i],
    [['-h'], /Usage: docker-machine/i],
    [['-v'], /^docker-machine version \S+, build \S+\n$/],
    [['--version'], /^docker-machine version \S+, build \S+\n$/],
  ]
  await each(me, rows, ([args, stdout], outcome) => {
    t.match(outcome, { code: 0, stdout, stderr: '' }, args.join(' '))
  })
})

const HEADER = 'NAME            ACTIVE   DRIVER   STATE     URL    SWARM   DOCKER    ERRORS'
const EMPTY = 'NAME   ACTIVE   DRIVER   STATE   URL   SWARM   DOCKER   ERRORS'
/** In natural order; `ls -q` sorts them by bytes. */
const NATURAL = ['testmachine', 'testmachine2', 'testmachine3', 'testmachine4', 'testmachine10']
const BYTES = ['testmachine', 'testmachine10', 'testmachine2', 'testmachine3', 'testmachine4']
const STATES = ['None', 'Paused', 'Saved', 'Stopped', 'Stopping', 'Starting', 'Error', 'Timeout']

/** Filters, and the machines that they leave. */
const FILTERS: readonly (readonly [filters: readonly string[], names: readonly string[]])[] = [
  [['label=app=1'], ['testmachine', 'testmachine2', 'testmachine3']],
  [
    ['label=app=1', 'label=env=prod'],
    ['testmachine', 'testmachine2', 'testmachine3', 'testmachine4'],
  ],
  [['label=foo=bar'], []],
  [['driver=none'], NATURAL],
  [['driver=NONE'], NATURAL],
  [['driver=virtualbox'], []],
  [['state=Running'], NATURAL],
  [['state=running', 'state=Stopped'], NATURAL],
  ...STATES.map((state) => [[`state=${state}`], []] as const),
  [['name=testmachine2'], ['testmachine2']],
  [['name=^t.+e[2-4]'], ['testmachine2', 'testmachine3', 'testmachine4']],
  [['swarm=nobody'], []],
  [['name=testmachine2', 'driver=none'], ['testmachine2']],
  [['name=testmachine2', 'driver=virtualbox'], []],
  [
    ['name=testmachine2', 'name=testmachine3', 'state=Running'],
    ['testmachine2', 'testmachine3'],
  ],
]

async function fiveMachines(t: Test): Promise<DockerMachineUser> {
  const me = user(t)
  const [app, production] = [
    ['--engine-label', 'app=1'],
    ['--engine-label', 'env=prod'],
  ]
  const labels = [app, [...app, ...production], app, production, []]
  await me.done(['create', '-d', 'none', '--url', 'url1', ...app, 'testmachine'])
  await mapBounded(NATURAL.slice(1), AT_ONCE, async (name, index) => {
    await me.done(['create', '-d', 'none', '--url', `url${index + 2}`, ...(labels[index + 1] ?? []), name])
  })
  return me
}

t.test('ls shows, filters and formats machines', async (t) => {
  const me = await fiveMachines(t)
  const lines = (await me.done(['ls'])).trimEnd().split('\n')
  t.equal(lines[0]?.trimEnd(), HEADER)
  t.equal(lines.length, 6)
  for (const [index, name] of NATURAL.entries()) {
    const row = new RegExp(
      `^${name} +- {8}none {5}Running {3}url${index + 1} {11}Unknown {3}Unable to query docker version: .+`,
    )
    t.match(lines[index + 1], row)
  }
  const rows = FILTERS.flatMap(([filters, names]) => {
    const words = filters.flatMap((filter) => ['--filter', filter])
    const quiet = BYTES.filter((name) => names.includes(name)).map((name) => `${name}\n`)
    const listed = [['ls', '-q', ...words], quiet.join('')] as const
    // That nobody is in a state need not be seen in the table too.
    if (STATES.some((state) => filters.includes(`state=${state}`))) return [listed]
    return [listed, [['ls', ...words], names] as const]
  })
  await each(me, rows, ([args, expected], { code, stdout, stderr }) => {
    t.match({ code, stderr }, { code: 0, stderr: '' }, args.join(' '))
    if (typeof expected === 'string') return void t.equal(stdout, expected, args.join(' '))
    const [header = '', ...shown] = stdout.trimEnd().split('\n')
    if (expected.length === 0) t.equal(header, EMPTY, args.join(' '))
    t.strictSame(
      shown.map((line) => line.split(' ')[0]),
      expected,
      args.join(' '),
    )
  })
  await each(me, FORMATS, ([args, stdout], outcome) => {
    t.strictSame(outcome, { code: 0, signal: null, stdout, stderr: '' }, args.join(' '))
  })
  await each(me, BAD_LISTS, ([args, stderr], outcome) => {
    t.match(outcome, { code: 1, stdout: '', stderr }, args.join(' '))
  })
})

const FORMATS: readonly (readonly [args: readonly string[], stdout: string])[] = [
  [['ls', '--format', '{{.DriverName}}'], 'none\n'.repeat(5)],
  [
    ['ls', '--format', 'table {{.Name}}: {{.DriverName}}'],
    ['NAME: DRIVER', ...NATURAL.map((name) => `${name}: none`)].map((line) => `${line}\n`).join(''),
  ],
  [['ls', '-f', '{{.URL}} {{.State}}', '--filter', 'name=10$'], 'url5 Running\n'],
  // Runner operators write the field's name in capitals, and -q wins over the format.
  [['ls', '-q', '--filter', 'state=Error', '--format', '{{.NAME}}'], ''],
  [
    ['ls', '-q', '--filter', 'state=Running', '--format', '{{.NAME}}'],
    BYTES.map((name) => `${name}\n`).join(''),
  ],
]

const BAD_LISTS: readonly (readonly [args: readonly string[], stderr: RegExp])[] = [
  [['ls', '--filter', 'bogus'], /^Unsupported filter syntax$/m],
  [['ls', '--filter', 'bogus=x'], /^Unsupported filter key 'bogus'$/m],
  [['ls', '--filter', 'name=['], /\[/],
]

t.test('classic swarm is recorded, and ls shows who belongs to whom', async (t) => {
  const me = user(t)
  const member = ['create', '-d', 'none', '--url', 'none', '--swarm', '--swarm-discovery', 'token://deadbeef']
  await me.done([...member, '--swarm-master', 'queen'])
  await me.done([...member, 'worker'])
  await me.done([...NONE, 'alone'])
  const listed = await me.done(['ls', '--filter', 'swarm=QUEEN'])
  t.match(listed, /^queen .* queen \(master\) /m)
  t.match(listed, /^worker .* queen  /m)
  t.notMatch(listed, /^alone/m)
})
