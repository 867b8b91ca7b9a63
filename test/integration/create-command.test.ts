/** `create` as it is typed: help for one driver, several machines, one document. */
import { rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { TestUser } from '../helpers/cli.js'

const NONE = ['create', '-d', 'none', '--url', 'tcp://127.0.0.1:1']

t.setTimeout(120_000)

function user(t: Test): TestUser {
  const made = new TestUser()
  t.teardown(() => rmSync(made.home, { recursive: true, force: true }))
  return made
}

t.test('help shows the flags of the driver that is named, and how to see those of others', async (t) => {
  const me = user(t)
  const generic = await me.ok(['create', '--help', '--driver', 'generic'])
  t.match(generic, /DRIVER GENERIC FLAGS/)
  t.match(generic, /--generic-ip-address=ADDRESS[^]*\[required;/)
  t.notMatch(generic, /--qemu-network/)
  const all = await me.ok(['help', 'create'])
  t.notMatch(all, /DRIVER [A-Z]+ FLAGS/)
  t.match(all, /create --driver NAME --help/)
})

t.test('several machines are one command, one summary and one document', async (t) => {
  const me = user(t)
  const two = await me.tsmachine([...NONE, '-n', '2', 'ci-{n}'])
  t.match(two, { code: 0, stdout: '', stderr: /Made 2 machines: ci-1 ci-2\n/ })
  const json = await me.tsmachine([...NONE, '--json', 'a', 'b'])
  t.match(JSON.parse(json.stdout), {
    command: 'create',
    ok: true,
    result: { machines: [{ name: 'a' }, { name: 'b' }] },
  })
  const taken = await me.tsmachine([...NONE, '--json', 'c', 'b', 'a'])
  t.equal(taken.code, 1)
  t.match(JSON.parse(taken.stdout), {
    ok: false,
    error: { code: 'exists', errors: [{ machine: 'b' }, { machine: 'a' }] },
  })
  t.equal(await me.ok(['ls', '-q']), 'a\nb\nci-1\nci-2\n')
})
