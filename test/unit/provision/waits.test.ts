/** What is waited for on a host: cloud-init before it is looked at, and whoever holds its package manager. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { apply } from '../../../provision/apply.js'
import { collectFacts } from '../../../provision/facts.js'
import { plan } from '../../../provision/plan.js'
import { run } from '../../../provision/plans/steps.js'
import type { Facts, Plan } from '../../../src/contracts/provision.js'
import { ALL_TOOLS, fakeHost, type FakeHost } from '../../helpers/fake-host.js'
import { debianFacts, failureOf, wanted } from '../../helpers/provision-input.js'

type Tools = (typeof ALL_TOOLS)[number]

function systemdHost(t: Test, tools: Tools): FakeHost {
  const on = fakeHost(tools)
  t.teardown(() => on.remove())
  on.put('run/systemd/system/x', '')
  on.put('etc/group', 'root:x:0:\n')
  return on
}

const status = (stage: string): string => JSON.stringify({ v1: { stage, init: {} } }, undefined, 1)

for (const tools of ALL_TOOLS)
  t.test(`${tools}: facts come after the end of cloud-init, whose stages are told`, async (t) => {
    const on = systemdHost(t, tools)
    on.put('run/cloud-init/status.json', status('init'))
    t.equal((await collectFacts(on.shell, undefined, on.root)).cloudInit, 'running')
    const seen: string[] = []
    const next: Readonly<Record<string, () => void>> = {
      init: () => on.put('run/cloud-init/status.json', status('modules-final')),
      'modules-final': () => on.put('run/cloud-init/result.json', '{}'),
    }
    const facts = await collectFacts(on.shell, undefined, on.root, {
      seconds: 60,
      seen: (stage) => void (seen.push(stage), next[stage]?.()),
    })
    t.same(seen, ['init', 'modules-final'])
    t.equal(facts.cloudInit, 'done')
  })

t.test('cloud-init that hangs is waited for until the deadline, one that died is not', async (t) => {
  const on = systemdHost(t, 'dash')
  on.put('run/cloud-init/status.json', status('modules-config'))
  on.fake('cloud-init', 'echo "status: running"')
  const seen: string[] = []
  const wait = { seconds: 2, seen: (stage: string) => void seen.push(stage) }
  t.equal((await collectFacts(on.shell, undefined, on.root, wait)).cloudInit, 'running')
  t.same(seen, ['modules-config'])
  on.fake('cloud-init', 'echo "status: error"')
  await collectFacts(on.shell, undefined, on.root, { ...wait, seconds: 600 })
  t.ok(on.calls().includes('cloud-init status'))
  on.put('run/cloud-init/disabled', '')
  t.equal((await collectFacts(on.shell, undefined, on.root)).cloudInit, undefined)
})

function locking(seconds: number): Plan {
  const steps = [
    run(['sh', '@lib/package-lock.sh', String(seconds)], 'have its package manager to itself', {
      tells: true,
    }),
  ]
  return { steps, engine: { source: 'install-url', port: 2376 }, warnings: [] }
}

/** Runs the step; what it told while it ran. */
async function takeLock(on: FakeHost, seconds: number, heard?: () => void): Promise<string[]> {
  const told: string[] = []
  const facts = { sudo: 'root' } as Facts
  await apply(on.shell, locking(seconds), {
    facts,
    root: on.root,
    report(event) {
      if (event.type !== 'info') return
      told.push(event.text)
      heard?.()
    },
  })
  return told
}

/** A process that holds a lock as apt and dpkg do (they use fcntl, /proc/locks has both kinds). */
async function holdLock(t: Test, file: string): Promise<ChildProcess> {
  const child = spawn('flock', [file, 'sh', '-c', 'echo locked; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  t.teardown(() => end(child))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  return child
}

const end = (child: ChildProcess): void => {
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL')
  } catch {
    // Gone already.
  }
}

for (const tools of ALL_TOOLS)
  t.test(`${tools}: a locked package manager is waited for, and its holder named`, async (t) => {
    const on = systemdHost(t, tools)
    on.put('var/lib/dpkg/lock-frontend', '')
    t.same(await takeLock(on, 600), [], 'nobody holds it')
    const holder = await holdLock(t, join(on.root, 'var/lib/dpkg/lock-frontend'))
    const told = await takeLock(on, 600, () => end(holder))
    t.equal(told.length, 1)
    t.match(
      told[0],
      /^waiting for flock \(pid \d+: flock .*lock-frontend sh -c echo locked.*\) to leave the package manager$/,
    )
  })

t.test('dpkg itself is found while a package of it is being installed', async (t) => {
  const on = systemdHost(t, 'dash')
  const tree = join(on.root, 'tree')
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true })
  const control = 'Package: slow\nVersion: 1\nArchitecture: all\nMaintainer: a test\nDescription: slow\n'
  writeFileSync(join(tree, 'DEBIAN/control'), control)
  writeFileSync(join(tree, 'DEBIAN/preinst'), '#!/bin/sh\necho busy\nexec sleep 600\n', { mode: 0o755 })
  const deb = join(on.root, 'slow.deb')
  execFileSync('dpkg-deb', ['--build', tree, deb])
  for (const file of ['status', 'available', 'info/format', 'updates/.keep', 'triggers/.keep'])
    on.put(`var/lib/dpkg/${file}`, file === 'info/format' ? '1\n' : '')
  const words = [`--root=${on.root}`, '--force-script-chrootless', '--force-not-root', '-i', deb]
  const dpkg = spawn('dpkg', words, { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  t.teardown(() => end(dpkg))
  await new Promise<void>((resolve) =>
    dpkg.stdout.on('data', (chunk: Buffer) => chunk.includes('busy') && resolve()),
  )
  const told = await takeLock(on, 600, () => end(dpkg))
  t.match(told, [new RegExp(`^waiting for dpkg \\(pid ${dpkg.pid}: dpkg --root=`)])
})

t.test('the deadline is an error with the holder’s name', async (t) => {
  const on = systemdHost(t, 'dash')
  on.put('var/lib/dpkg/lock', '')
  const holder = await holdLock(t, join(on.root, 'var/lib/dpkg/lock'))
  const error = await failureOf(takeLock(on, 1))
  t.match(error, { code: 'provision', message: 'The host could not have its package manager to itself' })
  t.match(
    error.evidence,
    new RegExp(`after 1 s the package manager is still in use by flock \\(pid ${holder.pid}: flock`),
  )
})

t.test(
  'pid files of yum and zypper count while their process lives, pacman’s file while a pacman does',
  async (t) => {
    const on = systemdHost(t, 'dash')
    const sleeper = spawn('sleep', ['600'])
    t.teardown(() => sleeper.kill())
    for (const file of ['run/zypp.pid', 'run/yum.pid']) {
      on.put(file, `${sleeper.pid}\n`)
      t.match(await takeLock(on, 600, () => rmSync(join(on.root, file))), [
        `waiting for sleep (pid ${sleeper.pid}: sleep 600) to leave`,
      ])
      on.put(file, '4194305\n')
      t.same(await takeLock(on, 600), [], 'a process that is gone')
      rmSync(join(on.root, file))
    }
    on.put('var/lib/pacman/db.lck', '')
    t.same(await takeLock(on, 600), [], 'no pacman runs')
  },
)

t.test('only a plan that uses the package manager waits for it', (t) => {
  const url = plan(debianFacts(), wanted({}, { installUrl: 'https://example.com/x' }))
  t.match(url.steps, [
    { argv: ['sh', '@lib/package-lock.sh', '600'] },
    { argv: ['sh', '@lib/install-url.sh'] },
  ])
  t.notMatch(JSON.stringify(plan(debianFacts(), wanted())), 'package-lock')
  t.end()
})

t.test('a clock that nothing keeps is set, one that a program keeps is not', async (t) => {
  const behind = plan(debianFacts({ clockSkewS: -90_000 }), wanted())
  t.match(behind.steps[0], { argv: ['sh', '@lib/clock.sh', '90000'] })
  t.match(behind.warnings, [/90000 s behind: it is set by this computer/])
  const kept = plan(debianFacts({ clockSkewS: 4000, timeSync: 'chronyd' }), wanted())
  t.notMatch(JSON.stringify(kept.steps), 'clock.sh')
  t.match(kept.warnings, [/4000 s ahead: .* until chronyd has set it/])
  t.notMatch(JSON.stringify(plan(debianFacts({ clockSkewS: 200 }), wanted()).steps), 'clock.sh')

  const on = systemdHost(t, 'dash')
  on.fake('date', '[ "$1" != +%s ] || echo 1000')
  on.fake('hwclock', 'exit 1')
  const made = { ...locking(1), steps: [run(['sh', '@lib/clock.sh', '-250'], 'set the clock')] }
  await apply(on.shell, made, { facts: { sudo: 'root' } as Facts, root: on.root })
  t.ok(on.calls().includes('date -s @750'))
})
