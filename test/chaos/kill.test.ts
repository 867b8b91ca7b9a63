/**
 * kill -9 of the built program in the middle of every command, on the fast drivers: the doubles of three clouds, whose servers
 * are hosts made of namespaces with a real sshd, and the fake driver. It dies before or after an operation on a file, before or
 * after a request to the provider, or when a time is up. Afterwards the record loads, the next command carries on or cleans
 * up, and after rm and gc nothing is left. Root is needed for the namespaces.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PROGRAM, TestUser } from '../helpers/cli.js'
import { type Extent, KillBench, type Moment, type Programs } from '../helpers/kill-bench.js'
import { COMMANDS, type KillCommand } from '../helpers/kill-commands.js'
import type { KillDriver } from '../helpers/kill-site.js'
import { programWithFake } from '../helpers/program-with-fake.js'
import { runDir } from '../helpers/run-dir.js'
import { importSmallBundle } from '../helpers/small-bundle.js'
import { type Trial, trials } from '../helpers/trials.js'

t.setTimeout(6 * 3_600_000)

/** How often each driver's turn comes: those of a cloud take longer, EC2 longest. */
const TURNS: readonly KillDriver[] = [
  ...(['digitalocean', 'fake', 'hetzner', 'fake', 'fake'] as const),
  ...(['digitalocean', 'fake', 'amazonec2', 'fake', 'digitalocean'] as const),
]
type Recovery = 'again' | 'rm' | 'rm -f'
const RECOVERIES: readonly Recovery[] = ['again', 'again', 'rm', 'rm -f']

const dir = runDir('kill')
const importer = new TestUser()
const fake = await programWithFake()
t.teardown(() => {
  for (const each of [dir, importer.home, fake.dir]) rmSync(each, { recursive: true, force: true })
})
const programs: Programs = {
  real: PROGRAM,
  fake: fake.program,
  caches: [
    await importSmallBundle(importer, dir, '26.1.5-0000000a'),
    await importSmallBundle(importer, dir, '27.0.1-0000000b'),
  ],
}
// A CA that most cases begin with.
await importer.ok(['create', '-d', 'none', '--url', 'tcp://127.0.0.1:1', 'none'])
const certs = join(importer.store, 'certs')

interface Case {
  readonly driver: KillDriver
  readonly command: KillCommand
  readonly moment: Moment
  readonly recovery: Recovery
  readonly isFirstEver: boolean
}

/** Drivers and commands in turn, so that each pair comes; the rest by the seed. */
function caseOf({ seed, next, pick }: Trial): Case {
  const driver = TURNS[seed % TURNS.length] ?? 'fake'
  const fitting = COMMANDS.filter(({ needsHost }) => driver !== 'fake' || !needsHost)
  const kinds =
    driver === 'fake' ? (['file', 'file', 'time'] as const) : (['file', 'request', 'time'] as const)
  return {
    driver,
    command: pick(fitting),
    moment: { kind: pick(kinds), share: next(10_000) / 10_000, late: next(2) === 1 },
    recovery: pick(RECOVERIES),
    isFirstEver: next(4) === 0,
  }
}

const extents = new Map<string, Extent>()
const outcomes = new Map<string, number>()

async function survive(trial: Trial): Promise<void> {
  const chosen = caseOf(trial)
  const { driver, command, moment, recovery } = chosen
  const what = `${driver}: ${command.name}, ${moment.late ? 'after' : 'before'} ${moment.kind} ${moment.share}, then ${recovery}`
  const bench = await KillBench.open(driver, programs, chosen.isFirstEver ? undefined : certs)
  try {
    await command.before?.(bench, moment)
    const key = `${driver} ${command.name}`
    const { killed, extent } = await bench.kill(
      command.words(bench),
      moment,
      extents.get(key) ?? command.extent,
      command.done,
    )
    if (extent) extents.set(key, extent)
    const outcome = killed ? 'killed' : 'ended before'
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    await loads(bench, command)
    if (recovery === 'again') await carriesOn(bench, command)
    await cleansUp(bench, recovery)
    await bench.isClean()
  } catch (error) {
    throw new Error(
      `${what} (${bench.user.home})\n${error instanceof Error ? (error.stack ?? '') : String(error)}`,
    )
  } finally {
    if (process.env['TSM_KEEP'] === undefined) await bench.close()
    else await bench.site.close()
  }
}

/** Everybody who only reads can; there is one server for a machine at most. */
async function loads(bench: KillBench, { machines = ['web'] }: KillCommand): Promise<void> {
  const rows = await bench.rows()
  for (const { name, error } of rows)
    if (/record|load|json/i.test(error)) throw new Error(`${name}: ${error}`)
  for (const name of machines.filter((each) => bench.has(each))) JSON.parse(await bench.ok(['inspect', name]))
  const servers = bench.site.servers()
  if (servers > machines.length) throw new Error(`${servers} servers for ${machines.length} machines`)
}

/** The same again comes to its end, or says that it had; then all is as after a run that nobody killed. */
async function carriesOn(bench: KillBench, command: KillCommand): Promise<void> {
  const { machines = ['web'], again, done, state, engine } = command
  if (again) await again(bench)
  else {
    const { code, stdout, stderr } = await bench.run(command.words(bench))
    if (code !== 0 && !done?.test(stderr)) throw new Error(`again: ${code}\n${stdout}\n${stderr}`)
  }
  const rows = await bench.rows()
  if (state === undefined) {
    if (rows.length > 0) throw new Error(`still there: ${JSON.stringify(rows)}`)
    return
  }
  for (const name of machines) {
    const row = rows.find((each) => each.name === name)
    if (row?.state !== state || row.error !== '') throw new Error(`again: ${JSON.stringify(row)}`)
    const wanted = state === 'Running' && bench.site.hasHosts ? (engine ?? 'v26.1.5') : undefined
    if (wanted !== undefined && row.engine !== wanted) throw new Error(`again: engine ${row.engine}`)
  }
  if (bench.site.servers() !== machines.length) throw new Error(`${bench.site.servers()} servers`)
}

async function cleansUp(bench: KillBench, recovery: Recovery): Promise<void> {
  const names = (await bench.ok(['ls', '-q'])).split('\n').filter(Boolean)
  if (names.length > 0) await bench.ok(['rm', recovery === 'rm -f' ? '-f' : '-y', ...names])
  bench.grow()
  const gc = ['gc', '-y', '-d', bench.site.driver]
  await bench.ok(gc)
  // EC2's things are young: they are named.
  for (const id of bench.site.ids()) if (bench.site.ids().includes(id)) await bench.ok([...gc, id])
}

t.test('kill -9 at any moment', async (t) => {
  await trials(t, 'kill -9 on the fast drivers', 'chaosKills', survive, { atOnce: 3 })
  for (const [key, { files, requests, ms }] of extents)
    t.comment(`a whole ${key}: ${files} files, ${requests} requests, ${Math.round(ms)} ms`)
  t.comment([...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', '))
})
