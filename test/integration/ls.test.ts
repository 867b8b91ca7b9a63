import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FakeEngine } from '../doubles/engine.js'
import { testCertificates } from '../helpers/certificates.js'
import { PROGRAM, TestUser } from '../helpers/cli.js'
import { writeMachines } from '../helpers/many-machines.js'

const URL_OF_NONE = 'tcp://127.0.0.1:1'

async function machines(t: Test, ...names: string[]): Promise<TestUser> {
  const me = new TestUser()
  t.teardown(async () => await me.cleanUp())
  for (const name of names) await me.ok(['create', '-d', 'none', '--url', URL_OF_NONE, name])
  return me
}

/** Ends the program when it has written this on stdout. */
async function untilSeen(me: TestUser, args: readonly string[], enough: RegExp): ReturnType<TestUser['run']> {
  let seen = ''
  return await me.tsmachine(args, {
    started: (child) =>
      child.stdout?.on('data', (chunk: Buffer) => {
        seen += chunk.toString()
        if (enough.test(seen)) child.kill('SIGINT')
      }),
  })
}

t.test('--watch looks again until it is told to end', async (t) => {
  const me = await machines(t, 'web')
  const watch = ['ls', '--watch', '--interval', '1']
  const lines = await untilSeen(me, [...watch, '--json'], /\n.*\n/)
  t.match(lines, { code: 130, stderr: '' })
  const documents = lines.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  t.ok(documents.length >= 2)
  for (const document of documents) t.match(document, { command: 'ls', ok: true, result: [{ name: 'web' }] })
  const tables = await untilSeen(me, watch, /web.*\n\nNAME.*\nweb/)
  t.match(tables, { code: 130, stderr: '', stdout: /^NAME.*\nweb.*\n\nNAME.*\nweb/ })
  const names = await untilSeen(me, [...watch, '-q'], /web\n\nweb/)
  t.match(names, { code: 130, stderr: '' })
})

t.test('--watch ends when nobody reads any more', async (t) => {
  const me = await machines(t, 'web')
  const command = `"${process.execPath}" "${PROGRAM}" ls --watch --interval 1 -q | head -n 1`
  t.match(await me.run('sh', ['-c', command], { limitMs: 60_000 }), { code: 0, stdout: 'web\n' })
})

t.test('--interval without --watch is a mistake', async (t) => {
  const me = await machines(t)
  t.match(await me.tsmachine(['ls', '--interval', '2']), { code: 2, stderr: /--watch/ })
})

t.test('on a terminal the same table stays as in a pipe, and --watch draws in place', async (t) => {
  const me = await machines(t, 'web', 'db')
  const command = `'${process.execPath}' '${PROGRAM}' ls`
  const onTerminal = async (words: string): Promise<string> => {
    const { stdout } = await me.run('script', [
      '-qec',
      `stty cols 60 rows 10; ${command} ${words}`,
      '/dev/null',
    ])
    return stdout.replaceAll('\r\n', '\n')
  }
  const table = await me.ok(['ls'])
  t.ok((await onTerminal('')).endsWith(table), 'whole lines, whatever the width')
  const watched = await onTerminal(`--watch --interval 1 & sleep 4; kill -INT $!; wait $!; echo "status $?"`)
  t.match(watched, /Every 1 s, last at \d\d:\d\d:\d\d; Ctrl-C ends\./)
  t.match(watched, /\u001b\[\d+A\u001b\[J/, 'drawn over what was there')
  t.ok(watched.endsWith(`${table}status 130\n`), watched)
})

t.test(
  '-q never fails on a machine that cannot be loaded, and does not pass it over in silence',
  async (t) => {
    const me = await machines(t, 'web')
    const broken = join(me.store, 'machines', 'bro\nken')
    mkdirSync(broken)
    writeFileSync(join(broken, 'config.json'), '{')
    for (const filter of [[], ['--filter', 'state=Running']])
      t.match(await me.tsmachine(['ls', '-q', ...filter]), {
        code: 0,
        stdout: 'web\n',
        stderr: 'Not listed, for it cannot be loaded: bro ken\n',
      })
  },
)

t.test("GitLab's documented listing, in capitals and with -q before it", async (t) => {
  const me = await machines(t, 'web')
  t.equal(await me.ok(['ls', '--filter', 'name=web', '--format', '{{.NAME}}']), 'web\n')
  t.equal(await me.ok(['ls', '-q', '--filter', 'state=Running', '--format', '{{.NAME}}']), 'web\n')
  t.equal(await me.ok(['ls', '-q', '--filter', 'state=Error', '--format', '{{.NAME}}']), '')
  t.equal(await me.ok(['ls', '-f', 'table {{.Name}}: {{.DriverName}}']), 'NAME: DRIVER\nweb: none\n')
})

t.test('inspect writes JSON as Go does', async (t) => {
  const me = await machines(t)
  await me.ok(['create', '-d', 'none', '--url', URL_OF_NONE, '--engine-label', 'a=<b>&c', 'web'])
  const text = await me.ok(['inspect', 'web'])
  t.match(text, /\n {16}"a=\\u003cb\\u003e\\u0026c"\n/)
  t.match(
    await me.ok(['inspect', '-f', '{{json .HostOptions.EngineOptions.Labels}}', 'web']),
    '["a=\\u003cb\\u003e\\u0026c"]',
  )
  t.equal(await me.ok(['inspect', '-f', '{{index .HostOptions.EngineOptions.Labels 0}}', 'web']), 'a=<b>&c\n')
})

t.test('500 machines where a process may open 256 files: every row is complete', async (t) => {
  const me = new TestUser()
  t.teardown(() => rmSync(me.home, { recursive: true, force: true }))
  const certificates = await testCertificates()
  t.teardown(() => certificates.remove())
  const engine = await FakeEngine.start({ ca: certificates.ca.caPem, ...certificates.server })
  t.teardown(() => engine.stop())
  cpSync(certificates.dir, join(me.store, 'certs'), { recursive: true })
  const names = Array.from({ length: 500 }, (_item, index) => `m${index}`)
  const urlOf = (index: number): string => (index % 50 === 0 ? URL_OF_NONE : `tcp://127.0.0.1:${engine.port}`)
  writeMachines(
    me.store,
    names.map((name, index) => [name, urlOf(index)] as const),
  )
  const command = `ulimit -n 256; exec "${process.execPath}" "${PROGRAM}" ls -t 200 --format "{{.Name}} {{.DockerVersion}} {{.Error}}"`
  const outcome = await me.run('sh', ['-c', command])
  t.match(outcome, { code: 0, stderr: '' })
  const rows = outcome.stdout.split('\n').slice(0, -1)
  t.equal(rows.length, 500)
  for (const [index, row] of rows.entries())
    if (index % 50 === 0) t.match(row, new RegExp(`^m${index} Unknown .*connection refused`))
    else if (row !== `m${index} v27.5.1 `) t.fail(row)
  t.equal(engine.requests.length, 490, 'each engine was asked once')
  t.ok(engine.peak <= 128)
})
