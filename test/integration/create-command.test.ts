/** `create` as it is typed: help for one driver, several machines, one document. */
import { rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { TestUser } from '../helpers/cli.js'
import { DockerMachineUser } from '../helpers/docker-machine.js'

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

interface Timed {
  readonly name: string
  readonly timing: readonly { readonly stage: string; readonly startMs: number; readonly ms: number }[]
}

/** Stages in order; where each begins is known from the story, so only the order of times can be told here. */
function stagesOf(t: Test, { timing }: Timed): readonly string[] {
  for (const [index, { startMs, ms }] of timing.entries()) {
    t.ok(Number.isInteger(startMs) && Number.isInteger(ms) && ms >= 0)
    t.ok(startMs >= (timing[index - 1]?.startMs ?? 0))
  }
  return timing.map(({ stage }) => stage)
}

t.test('--timing tells the stages of each machine, in a table or in the document', async (t) => {
  const me = user(t)
  const STAGES = ['start', 'preflight', 'make']
  const table = await me.tsmachine([...NONE, '--timing', 'shown'])
  t.match(table, {
    code: 0,
    stdout: '',
    stderr: /\nTimeline of shown, [^]*\npreflight  [^]*\nmake  [^]*\ntotal  [^]*$/,
  })
  const one = JSON.parse(await me.ok([...NONE, '--timing', '--json', 'one'])) as { result: Timed }
  t.equal(one.result.name, 'one')
  t.strictSame(stagesOf(t, one.result), STAGES)
  const many = await me.tsmachine([...NONE, '--timing', '--json', '-n', '2', 'ci-{n}'])
  t.notMatch(many.stderr, 'Timeline', 'the document has it')
  const { machines } = (JSON.parse(many.stdout) as { result: { machines: readonly Timed[] } }).result
  t.strictSame(
    machines.map((each) => [each.name, stagesOf(t, each)]),
    [
      ['ci-1', STAGES],
      ['ci-2', STAGES],
    ],
  )
  const plain = JSON.parse(await me.ok([...NONE, '--json', 'plain'])) as { result: object }
  t.strictSame(plain.result, { name: 'plain' }, 'nobody asked')
})

t.test('--timing tells what a create had done when it failed, and goes with --resume', async (t) => {
  const me = user(t)
  const words = ['create', '-d', 'qemu', '--qemu-program', '/nowhere/qemu', '--timing']
  const failed = await me.tsmachine([...words, '--json', 'bad'])
  t.equal(failed.code, 3)
  t.match(JSON.parse(failed.stdout), {
    ok: false,
    error: { code: 'preflight' },
    result: { name: 'bad', timing: [{ stage: 'start' }, { stage: 'preflight', failed: true }] },
  })
  const told = await me.tsmachine([...words, 'bad'])
  t.match(told, { code: 3, stderr: /\npreflight .* failed\ntotal [^]*\nError with pre-create check: / })
  const nothing = await me.tsmachine(['create', '--timing', '--json', '-d', 'none', 'no-url'])
  t.equal((JSON.parse(nothing.stdout) as { result?: unknown }).result, undefined, 'no stage had begun')
  const resumed = await me.tsmachine(['create', '--timing', '--resume', 'bad'])
  t.match(resumed, { code: 1, stderr: /"bad" does not exist/ }, 'it is no choice of the machine')
})

t.test('as docker-machine --timing is one more flag, and stdout keeps its lines', async (t) => {
  const me = new DockerMachineUser()
  t.teardown(() => rmSync(me.home, { recursive: true, force: true }))
  const { code, stdout, stderr } = await me.machine([...NONE, '--timing', 'web'])
  t.equal(code, 0)
  t.match(stdout, 'Running pre-create checks...\n')
  t.notMatch(stdout, 'Timeline')
  t.match(stderr, /^Timeline of web, [^]*\nmake  /m)
})
