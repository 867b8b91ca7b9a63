import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { uuidOf } from '../../src/drivers/qemu/argv.js'
import { vmResource } from '../../src/drivers/qemu/vm-record.js'
import { bootId, processStart } from '../../src/util/process.js'
import { BASH, DASH, FISH, type InitShell, POSIX_SHELLS, ShellUser, ZSH } from '../helpers/init-shells.js'

/** The functions of `shell-init` in real shells. The program they call is counted, and there is no other one. */

const SHELLS: readonly InitShell[] = [...POSIX_SHELLS, FISH]
const HOSTILE = `a b  c $HOME "q" 'p' \`id\` \\ ; & | > < * ? [a-z] # ! ~ ( ) { } % %s \t \u00fc`
/** A program that only says that it was asked, and what. */
const ASKED = 'echo "asked $*"'
const source = (shell: InitShell, file: string) => (shell.name === 'fish' ? `source ${file}` : `. ${file}`)
const strict = (shell: InitShell): string =>
  shell.name === 'bash' || shell.name === 'zsh'
    ? 'set -euo pipefail; '
    : shell.name === 'sh'
      ? 'set -eu; '
      : ''

const me = new ShellUser(t)

t.before(async () => {
  await me.machine()
  for (const shell of [BASH, ZSH, FISH, DASH]) await me.init(shell)
})

t.afterEach(() => me.ownProgram())

t.test('env of a machine is what the program prints, and nothing is started', async (t) => {
  for (const env of [{ SHELL: '/bin/bash' }, { SHELL: '/usr/bin/fish' }]) {
    const wanted = await me.real(['env', 'web'], { env })
    for (const shell of SHELLS) {
      const init = await me.init(shell, env)
      const script = `${strict(shell)}${source(shell, init)}; tsmachine env web`
      me.forget()
      t.same(await me.run(shell, script, { env }), wanted, `${shell.program} ${env.SHELL}`)
      t.equal(me.starts(), 0, `${shell.program} ${env.SHELL}`)
    }
  }
  t.equal(statSync(join(me.user.store, 'machines/web/shell-env')).mode & 0o777, 0o600)
})

t.test('a store in a hostile place is the same', async (t) => {
  const hostile = new ShellUser(t, 'tsmachine', HOSTILE)
  await hostile.machine()
  for (const env of [{ SHELL: '/bin/bash' }, { SHELL: '/usr/bin/fish' }]) {
    const wanted = await hostile.real(['env', 'web'], { env })
    for (const shell of SHELLS.filter(({ name }) => (name === 'fish') === env.SHELL.endsWith('fish'))) {
      const init = source(shell, await hostile.init(shell, env))
      hostile.forget()
      t.same(await hostile.run(shell, `${init}; tsmachine env web`, { env }), wanted, shell.program)
      const here = await hostile.run(shell, `${init}; tsmachine use --shell web; echo "$DOCKER_CERT_PATH"`, {
        env,
      })
      t.match(here.stdout, `\n${join(hostile.user.store, 'machines/web')}\n`, shell.program)
      t.equal(hostile.starts(), 0)
    }
  }
})

t.test('what the functions cannot know is left to the program', async (t) => {
  me.program(ASKED)
  const others: readonly Record<string, string>[] = [
    { MACHINE_STORAGE_PATH: join(me.user.home, 'other') },
    { SHELL: '/bin/tcsh' },
    { MACHINE_DEBUG: 'x' },
    { HOME: '/nowhere' },
  ]
  for (const shell of SHELLS) {
    const init = source(shell, await me.init(shell))
    for (const env of others) {
      const { stdout } = await me.run(shell, `${init}; tsmachine env web`, { env })
      t.equal(stdout, 'asked env web\n', `${shell.program} ${JSON.stringify(env)}`)
    }
    const lines = [
      'env nope',
      'env -u',
      'env --json web',
      'env web web',
      'env',
      'env ../machines/web',
      'ls -q',
      '',
    ]
    const script = lines.map((words) => `; tsmachine ${words}`).join('')
    const { stdout } = await me.run(shell, `${init}${script}`)
    t.equal(stdout, lines.map((words) => `asked ${words}\n`).join(''), shell.program)
  }
})

t.test('words, streams and exit statuses go through as they are', async (t) => {
  me.program(`for w in "$@"; do printf '<%s>' "$w"; done; read -r l; echo "$l"; echo err >&2; exit 7`)
  const words = `start '' 'a  b' '*' '$HOME' '"' '\\\\' -n -- "it's"`
  const plain = `start '' 'a  b' '*' '$HOME' '"' '\\' -n -- "it's"`
  for (const shell of SHELLS) {
    const init = await me.init(shell)
    const script = `${source(shell, init)}; tsmachine ${shell.name === 'fish' ? words : plain}`
    const after = shell.name === 'fish' ? '; echo $status' : '; echo $?'
    const expected = `<start><><a  b><*><$HOME><"><\\><-n><--><it's>line\n`
    t.match(
      await me.run(shell, `${script}${after}`, { input: 'line\n' }),
      { stdout: `${expected}7\n`, stderr: 'err\n' },
      shell.program,
    )
    if (shell.name === 'fish') continue
    const cut = await me.run(shell, `set -e; ${script}; echo on`, { input: 'line\n' })
    t.match(cut, { code: 7, stdout: expected }, `${shell.program} with set -e`)
  }
})

t.test('a record that another program has changed is read again', async (t) => {
  const init = await me.init(BASH)
  const config = join(me.user.store, 'machines/web/config.json')
  const ask = async () => await me.run(BASH, `${source(BASH, init)}; tsmachine env web`)
  const before = readFileSync(config, 'utf8')
  me.forget()
  writeFileSync(config, before.replaceAll('192.0.2.1', '192.0.2.7'))
  t.match((await ask()).stdout, 'DOCKER_HOST="tcp://192.0.2.7:2376"')
  t.equal(me.starts(), 1)
  t.match((await ask()).stdout, 'DOCKER_HOST="tcp://192.0.2.7:2376"')
  t.equal(me.starts(), 1, 'the program has made the file again')
  const same = statSync(join(me.user.store, 'machines/web/shell-env')).mtime
  utimesSync(config, same, same)
  await ask()
  t.equal(me.starts(), 2, 'a record as new as the file may be newer')
  rmSync(config)
  t.match(await ask(), { code: 1, stdout: '' })
  writeFileSync(config, before)
  await me.settle('web')
})

t.test('a file that is cut, or of another machine or store, is not believed', async (t) => {
  me.program(ASKED)
  const file = join(me.user.store, 'machines/web/shell-env')
  const text = readFileSync(file, 'utf8')
  const wrong = [
    text.replace('end 1\n', ''),
    text.replace('end 1', 'end 2'),
    text.replace('name web', 'name other'),
    text.replace(/^root .*/, 'root /elsewhere'),
    '',
  ]
  for (const [index, content] of wrong.entries()) {
    writeFileSync(file, content)
    for (const shell of SHELLS) {
      const { stdout } = await me.run(shell, `${source(shell, await me.init(shell))}; tsmachine env web`)
      t.equal(stdout, 'asked env web\n', `${shell.program} ${index}`)
    }
  }
  writeFileSync(file, text)
})

t.test('use counts in this shell too, and takes nothing away when it fails', async (t) => {
  me.program(`echo "\${DOCKER_HOST-none} \${DOCKER_CONTEXT-none}"; test "$2" = web || exit 3`)
  const env = { DOCKER_HOST: 'h', DOCKER_CONTEXT: 'c', DOCKER_MACHINE_NAME: 'm', DOCKER_CERT_PATH: 'p' }
  const show = 'echo "$DOCKER_HOST $DOCKER_CONTEXT $DOCKER_MACHINE_NAME $DOCKER_CERT_PATH"'
  for (const shell of SHELLS) {
    const init = source(shell, await me.init(shell))
    const status = shell.name === 'fish' ? '$status' : '$?'
    const script = (words: string) => `${init}; tsmachine ${words}; echo ${status}; ${show}`
    const stdout = async (words: string) => (await me.run(shell, script(words), { env })).stdout
    t.equal(await stdout('use web'), 'none none\n0\n   \n', shell.program)
    t.equal(await stdout('use -'), 'none none\n3\nh c m p\n', shell.program)
    t.equal(await stdout('use --json'), 'h c\n3\nh c m p\n', `${shell.program}: flags are the program's`)
    t.equal(await stdout('use --shell -u'), '0\n c  \n', shell.program)
    const dir = join(me.user.store, 'machines/web')
    const here = `This shell uses "web" now\n0\ntcp://192.0.2.1:2376  web ${dir}\n`
    me.forget()
    t.equal(await stdout('use --shell web'), here, shell.program)
    t.equal(await stdout('use web --shell'), here, shell.program)
    t.equal(me.starts(), 0)
  }
})

t.test(
  'use --shell of what is in no file asks the program for this shell; without functions it is refused',
  async (t) => {
    const file = join(me.user.store, 'machines/web/shell-env')
    for (const shell of [BASH, FISH]) {
      rmSync(file, { force: true })
      const init = source(shell, await me.init(shell))
      const { stdout } = await me.run(shell, `${init}; tsmachine use --shell web; echo $DOCKER_HOST`)
      t.equal(stdout, 'This shell uses "web" now\ntcp://192.0.2.1:2376\n')
      const missing = await me.run(
        shell,
        `${init}; tsmachine use --shell nope; or echo failed`.replace(
          '; or',
          shell === FISH ? '; or' : ' ||',
        ),
      )
      t.match(missing, { stdout: 'failed\n', stderr: '"nope" does not exist' })
    }
    await me.settle('web')
    t.match(await me.real(['use', '--shell', 'web']), { code: 2, stdout: '', stderr: 'shell-init bash' })
  },
)

t.test('the prompt names the machine, starts nothing and keeps the status', async (t) => {
  me.program(ASKED)
  const config = join(me.user.home, 'docker-client')
  mkdirSync(config, { recursive: true })
  writeFileSync(join(config, 'config.json'), '{\n\t"auths": {},\n\t"currentContext": "prod"\n}')
  const rows: readonly (readonly [Record<string, string>, string, string])[] = [
    [{}, '', ''],
    [{ DOCKER_MACHINE_NAME: 'web' }, '', ' [web]'],
    [{ DOCKER_MACHINE_NAME: 'web' }, "'<%s> '", '<web> '],
    [{ DOCKER_CONFIG: config }, '', ''],
    [{ DOCKER_CONFIG: config, TSMACHINE_PS1_CONTEXT: '1' }, '', ' [prod]'],
    [{ DOCKER_CONTEXT: 'dev', TSMACHINE_PS1_CONTEXT: '1' }, '', ' [dev]'],
    [{ DOCKER_CONFIG: config, DOCKER_HOST: 'h', TSMACHINE_PS1_CONTEXT: '1' }, '', ''],
    [{ DOCKER_CONFIG: '/nowhere', TSMACHINE_PS1_CONTEXT: '1' }, '', ''],
  ]
  for (const shell of SHELLS) {
    const init = source(shell, await me.init(shell))
    const status = shell.name === 'fish' ? '$status' : '$?'
    for (const [env, words, shown] of rows) {
      const script = `${init}; false; __tsmachine_ps1 ${words}; echo "|${status}"`
      const { stdout, stderr } = await me.run(shell, script, { env })
      t.same({ stdout, stderr }, { stdout: `${shown}|1\n`, stderr: '' }, `${shell.program} ${shown}`)
    }
  }
  t.equal(me.starts(), 0)
})

t.test('the name docker-machine has functions of its own, and its own hint', async (t) => {
  const old = new ShellUser(t, 'docker-machine')
  await old.machine()
  for (const shell of [BASH, ZSH]) {
    const wanted = await old.real(['env', 'web'])
    const both = `${source(shell, await me.init(shell))}; ${source(shell, await old.init(shell))}`
    old.forget()
    t.same(await old.run(shell, `${both}; docker-machine env web`), wanted)
    t.match(wanted.stdout, '# eval $(docker-machine env web)')
    const prompt = '; docker-machine use --shell web; __docker_machine_ps1'
    t.equal((await old.run(shell, both + prompt)).stdout, 'This shell uses "web" now\n [web]')
    t.equal(old.starts(), 0)
  }
  t.match(await old.real(['shell-init', 'sh']), { code: 1, stdout: '', stderr: 'no functions with the name' })
  t.match(await old.real(['shell-init', 'tcsh']), {
    code: 1,
    stdout: '',
    stderr: 'nothing for the shell "tcsh"',
  })
})

t.test('the file of a VM counts while exactly its process runs', async (t) => {
  const vm = await becomeVm()
  t.teardown(() => vm.kill('SIGKILL'))
  const wanted = await me.real(['env', 'web'])
  t.match(wanted.stdout, 'tcp://127.0.0.1:40123')
  const file = join(me.user.store, 'machines/web/shell-env')
  const text = readFileSync(file, 'utf8')
  me.program(ASKED)
  const ask = async (shell: InitShell) =>
    (await me.run(shell, `${source(shell, await me.init(shell))}; tsmachine env web`)).stdout
  for (const shell of SHELLS) {
    t.equal(await ask(shell), wanted.stdout, shell.program)
    for (const other of ['start 1', 'boot another', 'pid 4194304']) {
      writeFileSync(file, text.replace(new RegExp(`^${other.split(' ')[0] ?? ''} .*`, 'm'), other))
      t.equal(await ask(shell), 'asked env web\n', `${shell.program}: ${other}`)
    }
    writeFileSync(file, text)
  }
  const ended = once(vm, 'exit')
  vm.kill('SIGKILL')
  await ended
  for (const shell of SHELLS) t.equal(await ask(shell), 'asked env web\n', shell.program)
})

/** Makes machine `web` a VM of ours, with a process that bears its mark. */
async function becomeVm(): Promise<ChildProcess> {
  const file = join(me.user.store, 'machines/web/tsmachine.json')
  const ledger = JSON.parse(readFileSync(file, 'utf8')) as { machineId: string }
  const mark = uuidOf(ledger.machineId)
  const child = spawn('sleep', ['600'], { argv0: mark, stdio: 'ignore' })
  await once(child, 'spawn')
  const pid = child.pid ?? 0
  const identity = { pid, startTime: processStart(pid) ?? '', bootId: bootId() }
  const where = { address: '127.0.0.1', sshPort: 40122, enginePort: 40123 }
  const sockets = { control: '', forwarder: '', guest: '' }
  const started = { accel: 'tcg', qemu: '', hardware: '', image: '', host: '', hostId: '' }
  const vm = vmResource(mark, 'made', { ...identity, ...sockets, ...started, ...where })
  const driver = { name: 'qemu', config: {} }
  const config = join(me.user.store, 'machines/web/config.json')
  writeFileSync(config, readFileSync(config, 'utf8').replace('"DriverName": "none"', '"DriverName": "qemu"'))
  const hash = createHash('sha256').update(readFileSync(config)).digest('hex')
  writeFileSync(file, JSON.stringify({ ...ledger, driver, resources: [vm], configHash: hash }))
  await me.settle('web')
  return child
}
