import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { MachineError } from '../../../src/contracts/errors.js'
import { bootId, findProgram, processAlive, processStart, run, runChecked } from '../../../src/util/exec.js'
import { waitFor } from '../../../src/util/wait.js'

t.test('run gives status and both outputs, whatever the status', async (t) => {
  const result = await run('sh', ['-c', 'cat; echo words >&2; exit 3'], { stdin: 'from stdin' })
  t.strictSame(result, { code: 3, stdout: 'from stdin', stderr: 'words\n' })
})

t.test('arguments reach the program as they are, no shell in between', async (t) => {
  const hostile = ['a b', '$HOME', '`id`', '; exit 1', '"quoted"', "'", '', 'new\nline']
  const { stdout } = await run(process.execPath, [
    '-e',
    'console.log(JSON.stringify(process.argv.slice(1)))',
    '--',
    ...hostile,
  ])
  t.strictSame(JSON.parse(stdout), hostile)
})

t.test('a program ended by a signal has the status that shells give it', async (t) => {
  t.equal((await run('sh', ['-c', 'kill -9 $$'])).code, 137)
})

t.test('a given environment is the whole environment', async (t) => {
  const { stdout } = await run('/bin/sh', ['-c', 'echo "$ONLY|$HOME"'], { env: { ONLY: 'this' } })
  t.equal(stdout, 'this|\n')
})

t.test('a program that does not read its stdin is no error', async (t) => {
  t.equal((await run('true', [], { stdin: 'x'.repeat(1_000_000) })).code, 0)
})

t.test('much output arrives whole, also multi-byte characters across chunks', async (t) => {
  const { stdout } = await run(process.execPath, ['-e', 'process.stdout.write("äöü€".repeat(100_000))'])
  t.equal(stdout, 'äöü€'.repeat(100_000))
})

t.test('a program that never stops talking is ended, and told of', async (t) => {
  for (const words of ['yes', 'yes >&2'])
    await t.rejects(run('sh', ['-c', words], { deadlineMs: 120_000 }), {
      code: 'preflight',
      message: /^sh says more than 64 MiB/,
    })
})

t.test('a missing program is named with the Debian package that has it', async (t) => {
  const env = { PATH: t.testdir() }
  await t.rejects(run('qemu-img', ['--version'], { env }), {
    code: 'preflight',
    exitCode: 3,
    message: /"qemu-img"/,
    hints: ['Install it: sudo apt-get install qemu-utils'],
  })
  await t.rejects(run('nosuch', [], { debianPackage: 'nosuch-tools' }), {
    code: 'preflight',
    hints: [/apt-get install nosuch-tools/],
  })
})

t.test(
  'a file that cannot be executed and a missing folder are told apart from a missing program',
  async (t) => {
    const dir = t.testdir({ plain: 'no program' })
    await t.rejects(run(join(dir, 'plain'), []), { code: 'preflight', message: /Cannot run .*EACCES/ })
    await t.rejects(run('true', [], { cwd: join(dir, 'gone') }), { message: /no such directory/ })
  },
)

t.test('at its deadline the program and its children are ended', async (t) => {
  const pidFile = join(t.testdir(), 'pid')
  const script = `trap '' TERM; sleep 60 & echo $! > '${pidFile}'; echo last words >&2; wait; wait`
  const before = Date.now()
  await t.rejects(run('sh', ['-c', script], { deadlineMs: 300 }), {
    code: 'timeout',
    message: 'sh did not end within 0.3 s; last seen: last words',
  })
  t.ok(Date.now() - before < 10_000)
  const grandchild = Number(readFileSync(pidFile, 'utf8'))
  await waitFor('the grandchild to end', async () => (processAlive({ pid: grandchild }) ? undefined : true), {
    deadlineMs: 5_000,
  })
})

t.test('an abort ends the program and is thrown with its own reason', async (t) => {
  const reason = new MachineError('cancelled', 'Ctrl-C')
  const controller = new AbortController()
  const running = run('sleep', ['60'], { signal: controller.signal })
  setImmediate(() => controller.abort(reason))
  await t.rejects(running, reason)
  await t.rejects(run('sleep', ['60'], { signal: controller.signal }), reason, 'nothing is started after it')
})

t.test('a grandchild that keeps the pipes open does not hold us up', async (t) => {
  const before = Date.now()
  const { stdout } = await run('sh', ['-c', 'sleep 30 & echo $!'])
  t.ok(Date.now() - before < 10_000)
  process.kill(Number(stdout))
})

t.test('runChecked makes a failure an error with the last words, and passes success on', async (t) => {
  t.equal((await runChecked('driver', 'echo', ['fine'])).stdout, 'fine\n')
  await t.rejects(runChecked('driver', 'sh', ['-c', 'echo first >&2; echo no space >&2; exit 4']), {
    code: 'driver',
    message: 'sh ended with status 4: no space',
    evidence: 'first\nno space\n',
  })
})

t.test('findProgram looks through PATH for what can be executed', (t) => {
  const dir = t.testdir({ first: {}, second: {} })
  mkdirSync(join(dir, 'first', 'tool'))
  writeFileSync(join(dir, 'second', 'tool'), '#!/bin/sh\n')
  const env = { PATH: `${dir}/first::${dir}/second` }
  t.equal(findProgram('tool', env), undefined, 'neither a folder nor a file without the x bit')
  chmodSync(join(dir, 'second', 'tool'), 0o755)
  t.equal(findProgram('tool', env), join(dir, 'second', 'tool'))
  t.equal(findProgram(join(dir, 'second', 'tool'), {}), join(dir, 'second', 'tool'))
  t.equal(findProgram('tool', {}), undefined)
  t.end()
})

t.test('a process is known by pid, start time and boot', (t) => {
  const startTime = processStart(process.pid)
  t.match(startTime, /\S/)
  t.ok(processAlive({ pid: process.pid, startTime, bootId: bootId() }))
  t.notOk(processAlive({ pid: process.pid, startTime: '1' }), 'the pid was used again')
  t.notOk(processAlive({ pid: process.pid, startTime, bootId: 'another boot' }))
  for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 22 + 1]) t.notOk(processAlive({ pid }), `pid ${pid}`)
  t.end()
})

t.test('a zombie is dead: it runs nothing any more', async (t) => {
  const file = join(t.testdir(), 'pid')
  const stop = new AbortController()
  // `exec` makes sleep the parent, and sleep never waits for children.
  const parent = run('sh', ['-c', `sh -c 'echo $$ > "${file}"' & exec sleep 60`], { signal: stop.signal })
  const pid = await waitFor(
    'a zombie',
    async () => {
      const text = readFileSync(file, 'utf8').trim()
      return readFileSync(`/proc/${text}/stat`, 'utf8').includes(') Z ') ? Number(text) : undefined
    },
    { deadlineMs: 10_000 },
  )
  t.equal(processStart(pid), undefined)
  t.notOk(processAlive({ pid }))
  stop.abort(new Error('done'))
  await t.rejects(parent, { message: 'done' })
})

/** Listens on a port of loopback with memory and threads to give back, which takes the kernel a moment. */
const LISTENER =
  'const held = Array.from({ length: 40 }, () => Buffer.alloc(4e6, 1));' +
  "require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port, held.length) })"

t.test('a killed process is dead only when its last thread is: its port is free then', async (t) => {
  for (let round = 0; round < 5; round++) {
    const child = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    const pid = child.pid ?? 0
    const startTime = processStart(pid)
    child.kill('SIGKILL')
    // No turn of the event loop: a pause would hide the moment that is looked for.
    while (processAlive({ pid, startTime })) continue
    const server = createServer().listen(Number.parseInt(said.toString()), '127.0.0.1')
    await once(server, 'listening')
    t.ok(server.listening, 'its port is free')
    server.close()
  }
})

t.test('what Node refuses to start at once is told as any other program that cannot be run', async (t) => {
  const refused = { code: 'preflight', message: /^Cannot run true: spawn E/ }
  await t.rejects(run('true', [], { cwd: process.execPath }), refused, 'a folder that is a file')
  await t.rejects(run('true', ['x'.repeat(300_000)]), refused, 'a word that is too long for the system')
})
