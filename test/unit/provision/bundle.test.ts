import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import type { Facts, Plan } from '../../../src/contracts/provision.js'
import { apply } from '../../../provision/apply.js'
import { LocalShell } from '../../doubles/local-shell.js'
import type { RemoteExecOptions, RemoteResult } from '../../../src/contracts/ssh.js'
import { systemClock } from '../../../src/util/clock.js'
import { waitFor } from '../../../src/util/wait.js'
import { ALL_TOOLS, fakeHost, type FakeHost, type Tools } from '../../helpers/fake-host.js'
import { fakeBundle } from '../../helpers/fake-bundle.js'
import { size } from '../../sizes.js'
import { failureOf } from '../../helpers/provision-input.js'

const VERSION = '26.1.5-0badcafe'
const PLAN: Plan = {
  steps: [
    { kind: 'bundle', version: VERSION, why: `install the engine ${VERSION}` },
    { kind: 'run', argv: ['sh', '@lib/link-current.sh', VERSION], why: 'make it the current engine' },
  ],
  engine: { source: 'bundled', port: 2376 },
  warnings: [],
}
const work = mkdtempSync(join(tmpdir(), 'tsm-bundle-'))
t.teardown(() => rmSync(work, { recursive: true, force: true }))
const bundleDir = fakeBundle(join(work, 'good'), VERSION)
const facts = { sudo: 'root' } as Facts

/** A connection on which so much of what is sent arrives, and whose end nobody hears of. */
class WeakShell extends LocalShell {
  constructor(
    on: LocalShell,
    private readonly arrive: (stdin: Readable) => AsyncGenerator<Buffer>,
  ) {
    super(on.env, on.program, true)
  }

  override exec(command: string, options: RemoteExecOptions = {}): Promise<RemoteResult> {
    const { stdin } = options
    const line = stdin instanceof Readable ? Readable.from(this.arrive(stdin)) : undefined
    return super.exec(command, line ? { ...options, stdin: line } : options)
  }
}

async function* half(stdin: Readable): AsyncGenerator<Buffer> {
  let left = 800_000
  for await (const chunk of stdin as AsyncIterable<Buffer>) {
    yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) await new Promise(() => undefined)
  }
}

async function* slowly(stdin: Readable): AsyncGenerator<Buffer> {
  for await (const chunk of stdin as AsyncIterable<Buffer>)
    for (let at = 0; at < chunk.length; at += 16_384) {
      await systemClock.sleep(25)
      yield chunk.subarray(at, at + 16_384)
    }
}

/** Waiting for a turn goes fast on it, unless its shell has a `sleep` of its own (busybox). */
function hastyHost(t: Test, tools: Tools): FakeHost {
  const on = fakeHost(tools)
  t.teardown(() => on.remove())
  on.fake('sleep', 'exec /bin/busybox usleep 20000')
  return on
}
/** Those that wait for a turn in milliseconds; busybox takes 30 s, and its turn comes in a campaign. */
const HASTY = ALL_TOOLS.filter((tools) => tools !== 'busybox' || size('slowTools') > 0)

for (const tools of ALL_TOOLS) {
  t.test(`${tools}: the engine arrives whole in the same stream as the plan`, async (t) => {
    const on = fakeHost(tools)
    t.teardown(() => on.remove())
    // Left by a run that was cut.
    on.put(`opt/tsmachine/${VERSION}/bin/half`, 'x')
    const seen: number[] = []
    await apply(on.shell, PLAN, {
      facts,
      bundleDir,
      root: on.root,
      report: (event) =>
        event.type === 'progress' && event.text.startsWith('sending') && seen.push(event.done ?? 0),
    })
    t.equal(on.shell.roundTrips, 1)
    t.equal(on.read('opt/tsmachine/current/bin/dockerd').length, 3_000_000)
    t.ok(on.has(`opt/tsmachine/${VERSION}/.complete`))
    t.notOk(on.has(`opt/tsmachine/${VERSION}/bin/half`))
    t.equal(
      seen.at(-1),
      readFileSync(join(bundleDir, 'bootstrap.tar.gz')).length +
        readFileSync(join(bundleDir, 'engine.tar.zst')).length,
    )
    on.put(`opt/tsmachine/${VERSION}/mark`, 'x')
    await apply(on.shell, PLAN, { facts, bundleDir, root: on.root })
    t.ok(on.has(`opt/tsmachine/${VERSION}/mark`), 'a whole bundle is never touched again')
  })

  t.test(`${tools}: a cut or broken stream leaves no engine behind, and the next run succeeds`, async (t) => {
    const on = fakeHost(tools)
    t.teardown(() => on.remove())
    const cut = fakeBundle(join(work, `cut-${tools}`), VERSION)
    truncateSync(join(cut, 'engine.tar.zst'), 100_000)
    const error = await failureOf(apply(on.shell, PLAN, { facts, bundleDir: cut, root: on.root }))
    t.equal(error.message, `The host could not install the engine ${VERSION}`)
    t.notOk(on.has(`opt/tsmachine/${VERSION}`))
    t.notOk(on.has('opt/tsmachine/current'))
    await apply(on.shell, PLAN, { facts, bundleDir, root: on.root })
    t.ok(on.has('opt/tsmachine/current/bin/dockerd'))
  })

  t.test(`${tools}: a host without room, or without leave to run programs there, says so`, async (t) => {
    const on = fakeHost(tools)
    t.teardown(() => on.remove())
    const denied = fakeBundle(join(work, `denied-${tools}`), VERSION, { executable: false })
    const refused = await failureOf(apply(on.shell, PLAN, { facts, bundleDir: denied, root: on.root }))
    t.match(refused, { evidence: /cannot be run: is it mounted noexec/, hints: [/remount,exec \/opt/] })
    t.notOk(on.has(`opt/tsmachine/${VERSION}`))
    const huge = fakeBundle(join(work, `huge-${tools}`), VERSION, { pretend: 1024 ** 4 })
    const full = await failureOf(apply(on.shell, PLAN, { facts, bundleDir: huge, root: on.root }))
    t.match(full, {
      evidence: /No space left on device: the engine needs \d+ KiB/,
      hints: [/Free some space/],
    })
  })
}

t.test('a bundle that is missing or another one is refused here', async (t) => {
  const on = fakeHost('dash')
  t.teardown(() => on.remove())
  t.match((await failureOf(apply(on.shell, PLAN, { facts }))).message, /no bundle here/)
  const other = fakeBundle(join(work, 'other'), '1-x')
  t.match(
    (await failureOf(apply(on.shell, PLAN, { facts, bundleDir: other }))).message,
    /is 1-x, and the plan needs/,
  )
  t.match(await failureOf(apply(on.shell, PLAN, { facts, bundleDir: join(work, 'nothing') })), {
    code: 'image',
    hints: ['tsmachine image build engine'],
  })
  t.equal(on.shell.roundTrips, 0)
})

for (const tools of HASTY) {
  t.test(`${tools}: who waits for an engine on a dead line is passed`, async (t) => {
    const on = hastyHost(t, tools)
    const more = { facts, bundleDir, root: on.root }
    const dead = failureOf(apply(new WeakShell(on.shell, half), PLAN, more))
    const engine = `opt/tsmachine/${VERSION}/bin/dockerd`
    await waitFor('half of it', () => Promise.resolve(on.has(engine) || undefined), { deadlineMs: 20_000 })
    const { env, program } = on.shell
    await apply(new LocalShell(env, program, true), PLAN, more)
    t.match((await dead).message, /^Provisioning ended before its last step/)
    t.equal(on.read(engine).length, 3_000_000)
    t.same(readdirSync(join(on.root, 'run/tsmachine')), ['pending'])
  })

  t.test(`${tools}: whoever still takes an engine in is waited for`, async (t) => {
    const on = hastyHost(t, tools)
    const more = { facts, bundleDir, root: on.root }
    const slow = apply(new WeakShell(on.shell, slowly), PLAN, more)
    const receiving = 'run/tsmachine/receiving'
    await waitFor('its begin', () => Promise.resolve(on.has(receiving) || undefined), { deadlineMs: 20_000 })
    const { env, program } = on.shell
    await apply(new LocalShell(env, program, true), PLAN, more)
    await slow
    t.ok(on.has(`opt/tsmachine/${VERSION}/.complete`))
  })
}
