/** The command `scp`: its words and statuses, rsync, hosts without file transfer, and copies that break off. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { copyFiles } from '../../src/machine/copy.js'
import { Store } from '../../src/store/store.js'
import { findProgram } from '../../src/util/exec.js'
import { type Outcome, PROGRAM, TestUser } from '../helpers/cli.js'
import { machineContext } from '../helpers/machine-context.js'
import { startSshMachine } from '../helpers/ssh-machine.js'

const me = new TestUser({ store: undefined })
const root = join(me.home, "it's my store")
const env = { MACHINE_STORAGE_PATH: root }
const one = await startSshMachine(root, 'one')
const bare = await startSshMachine(root, 'bare', { sftpDir: null, config: ['ForceCommand exit 127'] })
t.teardown(() => me.cleanUp())
for (const { sshd } of [one, bare]) t.teardown(() => sshd.stop())
const scp = (...args: string[]): Promise<Outcome> => me.tsmachine(['scp', ...args], { env })

/** A PATH with these programs only. */
function only(name: string, programs: readonly string[]): Record<string, string> {
  const bin = join(me.home, name)
  mkdirSync(bin)
  for (const program of programs) symlinkSync(findProgram(program) ?? '', join(bin, program))
  return { ...env, PATH: bin }
}

t.test('words that are wrong, and statuses as each name has them', async (t) => {
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [['one:x'], /^Error: Improper number of arguments/],
    [['a', 'b', 'c'], /Improper number of arguments/],
    [['nope:x', '.'], /Docker machine "nope" does not exist\. Use "tsmachine ls"/],
    [['x', '[::1]:y'], /Docker machine "\[" does not exist/],
  ]
  for (const [args, text] of wrong) {
    const outcome = await scp(...args)
    t.not(outcome.code, 0)
    t.match(outcome.stderr, text)
  }
  const missing = ['scp', '-q', 'one:/no/such', '.']
  t.match(await me.tsmachine(missing, { env }), {
    code: 1,
    stderr: /no\/such: No such file or directory\r?\n$/,
  })
  const program = join(me.home, 'docker-machine')
  symlinkSync(PROGRAM, program)
  t.match(await me.tsmachine(missing, { env, program }), {
    code: 1,
    stderr: /No such file[^]*\nexit status 1\n$/,
  })
  const done = await scp('--json', '-r', 'one:/etc/hostname', me.home)
  t.match(JSON.parse(done.stdout), { ok: true, result: { source: 'one:/etc/hostname', target: me.home } })
})

t.test('without an scp program, or with an old one, our own client copies', async (t) => {
  const old = only('old-ssh', ['scp', 'sh', 'env'])
  writeFileSync(join(me.home, 'old-ssh', 'ssh'), '#!/bin/sh\necho "OpenSSH_8.2p1" >&2\n')
  chmodSync(join(me.home, 'old-ssh', 'ssh'), 0o755)
  for (const [name, path] of Object.entries({ none: only('no-programs', []), old })) {
    const to = join(me.home, `copied-with-${name}`)
    t.match(await me.tsmachine(['scp', 'one:/etc/hostname', to], { env: path }), { code: 0, stderr: '' })
    t.ok(existsSync(to), name)
  }
})

t.test('-d: rsync sends what differs, both ways; where it cannot, it says so', async (t) => {
  const from = join(me.home, 'a dir')
  const to = join(me.home, "that's it")
  mkdirSync(from)
  mkdirSync(to)
  writeFileSync(join(from, '-x y'), 'text')
  t.match(await scp('-d', '-r', from, `one:${to}`), { code: 0, stdout: /100%/ })
  t.equal(readFileSync(join(to, 'a dir', '-x y'), 'utf8'), 'text')
  t.match(await scp('--delta', '-q', `one:${to}/a dir/*`, `${to}/`), { code: 0, stdout: '', stderr: '' })
  t.equal(readFileSync(join(to, '-x y'), 'utf8'), 'text')
  t.match(await scp('-d', 'one:/x', 'bare:/y'), { code: 2, stderr: /not between two machines/ })
  t.match(await scp('-d', 'bare:/x', to), {
    code: 1,
    stderr: /There is no rsync on "bare"[^]*without --delta/,
  })
  t.match(await me.tsmachine(['scp', '-d', 'one:/x', to], { env: only('no-rsync', ['ssh']) }), {
    code: 1,
    stderr:
      /You must have a copy of the rsync binary locally to use the --delta option[^]*apt-get install rsync/,
  })
})

/** Copies with our own client in this process. */
function copy(source: string, target: string, wish: { signal?: AbortSignal; onBytes?: () => void } = {}) {
  const ctx = machineContext({ dir: me.home, env: {}, ...(wish.signal ? { signal: wish.signal } : {}) })
  const own = { ...ctx, nativeSsh: true, store: new Store(root, { env: {}, program: 'tsmachine' }) }
  const onProgress = ({ done }: { done: number }): void => (done > 0 ? wish.onBytes?.() : undefined)
  return copyFiles(own, { source, target, recursive: false, delta: false, quiet: false, onProgress })
}

t.test('a host without file transfer is told apart', async (t) => {
  await t.rejects(copy('bare:/x', me.home), { code: 'ssh', message: /"?bare"? offers no file transfer/ })
})

t.test('a copy that breaks off leaves the old file as it was, and no other', async (t) => {
  const dir = join(me.home, 'broken')
  mkdirSync(dir)
  const big = join(me.home, 'big')
  writeFileSync(big, Buffer.alloc(40_000_000, 'x'))
  const intact = (t: Test, left: RegExp[]): void => {
    t.equal(readFileSync(join(dir, 'file'), 'utf8'), 'old')
    t.match(readdirSync(dir).sort(), [...left, 'file'])
  }
  writeFileSync(join(dir, 'file'), 'old')
  for (const [source, target] of [
    [big, `one:${dir}/file`],
    [`one:${big}`, join(dir, 'file')],
  ] as const) {
    const stop = new AbortController()
    const reason = new Error('told to stop')
    const stopped = copy(source, target, { signal: stop.signal, onBytes: () => stop.abort(reason) })
    await t.rejects(stopped, reason)
    intact(t, [])
  }
  let killed = false
  const kill = (): void => {
    if (!killed) killSessions()
    killed = true
  }
  const lost = copy(`one:${big}`, join(dir, 'file'), { onBytes: kill })
  await t.rejects(lost, { code: 'ssh', message: /the connection was lost/ })
  intact(t, [])
})

/** Ends what the server runs for us: its children. */
function killSessions(): void {
  const { pid } = one.sshd
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  for (const child of children) process.kill(Number(child), 'SIGKILL')
}
