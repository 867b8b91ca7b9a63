/** No command, crash or bug report tells a secret. What happens to a token on its way is in cloud-secrets.test.ts. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { mapBounded } from '../../src/util/bounded.js'
import { PROGRAM } from '../helpers/cli.js'
import { poll } from '../helpers/poll.js'
import { runDir } from '../helpers/run-dir.js'
import { packageRoot } from '../../src/util/paths.js'
import { CANARY, holdsCanary, Watched } from '../helpers/watched-user.js'

t.setTimeout(300_000)

/** A create that was interrupted while it waited for SSH, which the servers of this double have none of. */
async function unfinished(t: Test): Promise<Watched> {
  const watched = await Watched.begin(t)
  const stopWhen = (): boolean => watched.double.count('droplets_list') > 1
  await watched.run(['create', '-d', 'digitalocean', 'web'], { token: CANARY, stopWhen })
  t.ok(existsSync(join(watched.user.store, 'machines/web/tsmachine.json')), 'there is a machine')
  return watched
}

/** Words of every command; those that change the machine come last. One that waits for SSH is told to end. */
const COMMANDS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  access: [['web'], ['web', '--add', '10.0.0.0/8']],
  active: [[]],
  adopt: [['-d', 'digitalocean', 'other', '1']],
  bundle: [['web', '-'], ['web'], ['web', '--json', '-']],
  config: [['web']],
  create: [
    ['-d', 'digitalocean', '--resume', 'web'],
    ['-d', 'digitalocean', 'web'],
    ['-h', '-d', 'digitalocean'],
  ],
  doctor: [[]],
  'driver:install': [['./tsmachine-driver-nothing']],
  'driver:ls': [[]],
  'driver:new': [['tsmachine-driver-fresh']],
  'driver:rm': [['nothing']],
  'driver:serve': [['digitalocean']],
  drivers: [[], ['digitalocean']],
  env: [['web']],
  export: [
    ['web', 'web.export'],
    ['--with-secrets', 'web', 'secrets.export'],
  ],
  forward: [['web']],
  gc: [['--dry-run']],
  'image:build': [['nothing']],
  'image:import': [['nothing.tar']],
  'image:inspect': [['nothing']],
  'image:ls': [[]],
  'image:rm': [['nothing']],
  'image:sbom': [['nothing']],
  'image:sources': [['nothing']],
  import: [['web.export']],
  inspect: [['web'], ['web', '--json'], ['-f', '{{json .}}', 'web']],
  ip: [['web']],
  kill: [['web']],
  logs: [['web'], ['web', '--boot']],
  ls: [[], ['-q'], ['--json'], ['-f', '{{json .}}']],
  mount: [['web:/tmp', 'here']],
  provision: [['web'], ['--dry-run', 'web']],
  'regenerate-certs': [['-f', 'web']],
  restart: [['web']],
  rm: [['nothing']],
  scp: [['web:/etc/hostname', '.']],
  'secret:ls': [[]],
  'secret:rm': [['store:nothing']],
  'secret:set': [['digitalocean', 'digitalocean-access-token']],
  'shell-init': [['bash']],
  'shim:install': [['--dir', 'bin']],
  'shim:uninstall': [['--dir', 'bin']],
  ssh: [['web', 'true']],
  'ssh-config': [['web']],
  start: [['web']],
  status: [['web']],
  stop: [['web']],
  'store:id': [[]],
  suspend: [['web']],
  upgrade: [['web']],
  url: [['web']],
  use: [['web']],
  version: [[], ['web']],
}

/** Milliseconds after which a command is asked to end. */
const PATIENCE_MS = 1_500

t.test('no command tells the token or a key, with --debug', async (t) => {
  const { commands } = JSON.parse(readFileSync(join(packageRoot(), 'oclif.manifest.json'), 'utf8')) as {
    commands: Record<string, unknown>
  }
  t.strictSame(Object.keys(commands).sort(), Object.keys(COMMANDS).sort(), 'there is a line for each command')
  const watched = await unfinished(t)
  const { user } = watched
  const work = join(user.home, 'work')
  mkdirSync(work)
  const runs = Object.entries(COMMANDS).flatMap(([id, lines]) =>
    lines.map((line) => [...id.split(':'), ...line]),
  )
  const keys = keyLines(watched)
  await mapBounded(runs, 3, async (args) => {
    const end = performance.now() + PATIENCE_MS
    const { stdout, stderr } = await watched.run(args, {
      token: CANARY,
      cwd: work,
      input: `${CANARY}\n`,
      env: {
        TSMACHINE_EXPORT_PASSPHRASE: 'correct horse',
        HTTPS_PROXY: `http://me:${CANARY}@127.0.0.1:9/`,
      },
      stopWhen: () => performance.now() > end,
    })
    const text = stdout + stderr
    t.notOk(holdsCanary(text), `tsmachine ${args.join(' ')}`)
    t.notOk(
      keys.some((line) => text.includes(line)),
      `a key: tsmachine ${args.join(' ')}`,
    )
  })
  t.notOk(holdsCanary([...watched.commandLines].join('\n')), 'no command line')
  const leaks = watched.leaks()
  const inBackend = leaks.every((path) => path.startsWith(join(user.store, 'secrets')))
  t.ok(leaks.length > 0 && inBackend, leaks.join(', '))
})

function keyLines({ user }: Watched): readonly string[] {
  const files = readdirSync(user.store, { recursive: true, withFileTypes: true }).filter((file) =>
    file.isFile(),
  )
  const texts = files.map((file) => readFileSync(join(file.parentPath, file.name), 'latin1'))
  return texts
    .filter((text) => text.includes('PRIVATE KEY'))
    .flatMap((text) => text.match(/^[\w+/=]{40,}$/gm) ?? [])
}

/** The part of a key or token that is left when its ends are cut off. */
const PLANTED: Readonly<Record<string, string>> = {
  plain: CANARY,
  url: `https://api/?t=${encodeURIComponent(CANARY)}`,
  base64: Buffer.from(CANARY).toString('base64'),
  header: 'Authorization: Bearer unheard-of-1',
  json: '{"api_key": "unheard-of-2", "x": 1}',
  assignment: 'DB_PASSWORD=unheard-of-3 next',
  flag: '--vendor-token unheard-of-4',
  userinfo: 'http://me:unheard-of-5@proxy:3128/',
  key: '-----BEGIN OPENSSH PRIVATE KEY-----\nunheard-of-6\n-----END OPENSSH PRIVATE KEY-----',
}

t.test('a support bundle has the logs without what is secret in them', async (t) => {
  const watched = await unfinished(t)
  const { user } = watched
  const dir = join(user.store, 'machines/web')
  const keys = keyLines(watched)
  t.ok(keys.length > 0)
  const log = [...Object.entries(PLANTED).map(([name, text]) => `${name} ${text} kept-${name}`), ...keys]
  writeFileSync(join(dir, 'driver.log'), `${log.join('\n')}\n\u001b]0;title\u0007\n`)
  writeFileSync(join(dir, 'long.log'), `DB_PASSWORD=${'unheard-of-7'.repeat(4_000)}\nkept-long\n`)
  const env = { HTTPS_PROXY: 'http://me:unheard-of/8@127.0.0.1:9/' }
  await watched.run(['bundle', 'web'], { cwd: user.home, env })
  const text = readFileSync(join(user.home, 'web.bundle.txt'), 'utf8')
  t.match(text, /^kept-long$/m)
  for (const name of Object.keys(PLANTED)) t.match(text, `kept-${name}`)
  t.notOk(holdsCanary(text))
  t.notMatch(text, /unheard-of/)
  t.notOk(keys.some((line) => text.includes(line)))
  t.notMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f]/, 'nothing that a terminal would obey')
  t.notMatch(text, user.home, 'nor whose computer this is')
  for (const title of ['program', 'doctor', 'variables', 'record', 'files', 'state', 'engine', 'host'])
    t.match(text, `===== ${title} =====`)
})

t.test('a support bundle of a record that cannot be read says so, and has the rest', async (t) => {
  const { user } = await Watched.begin(t)
  await user.ok(['create', '-d', 'none', '--url', 'tcp://127.0.0.1:1', 'web'])
  writeFileSync(join(user.store, 'machines/web/config.json'), `{"token": "${CANARY}`)
  appendFileSync(join(user.store, 'machines/web/tsmachine.json'), 'x')
  const text = await user.ok(['bundle', 'web', '-'])
  t.match(text, /===== record =====\ncould not be read: /)
  t.match(text, /===== doctor =====\ngood node/)
  t.notOk(holdsCanary(text))
  const again = await user.tsmachine(['bundle', 'web', 'b.txt'], { cwd: user.home })
  t.equal(again.code, 0)
  t.match(await user.tsmachine(['bundle', 'web', 'b.txt'], { cwd: user.home }), {
    code: 1,
    stderr: /--force/,
  })
  t.match(await user.tsmachine(['bundle', 'nobody']), { code: 1, stderr: /does not exist/ })
  writeFileSync(join(user.store, 'machines/web/config.json'), '{}')
})

/** What a crash of `program` leaves in a core file, where the kernel writes one into the working directory. */
async function coreOf(
  watched: Watched,
  program: readonly string[],
  ready?: () => boolean,
): Promise<string | undefined> {
  const dir = runDir('core')
  await watched.user.run('sh', ['-c', 'ulimit -c unlimited; exec "$@"', 'sh', process.execPath, ...program], {
    cwd: dir,
    env: { DIGITALOCEAN_API_URL: watched.double.url, DIGITALOCEAN_ACCESS_TOKEN: CANARY },
    started: (child) => {
      const crash = (): boolean => child.kill('SIGABRT')
      if (ready) void poll(20_000, () => Promise.resolve(ready())).then(crash, crash)
    },
  })
  const [core] = readdirSync(dir)
  const text = core === undefined ? undefined : readFileSync(join(dir, core), 'latin1')
  rmSync(dir, { recursive: true })
  return text
}

t.test('a crash leaves no token in a core file', async (t) => {
  const watched = await Watched.begin(t)
  const { double } = watched
  const local = /^core/.test(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'))
  const plain = await coreOf(watched, ['-e', 'process.abort()'])
  t.equal(plain !== undefined && holdsCanary(plain), local, 'that of another program has it')
  double.fail({ kind: 'hang' })
  const ours = await coreOf(
    watched,
    [PROGRAM, 'create', '-d', 'digitalocean', 'web'],
    () => double.count() > 0,
  )
  double.faults.clear()
  t.equal(ours !== undefined, local)
  t.notOk(holdsCanary(ours ?? ''))
})
