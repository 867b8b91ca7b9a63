// What was told as done outlives a power cut: it is on the disk, not only in the host's memory.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Facts, Step } from '../../../src/contracts/provision.js'
import { apply } from '../../../provision/apply.js'
import { file } from '../../../provision/plans/steps.js'
import { fakeBundle } from '../../helpers/fake-bundle.js'
import { fakeHost, type FakeHost } from '../../helpers/fake-host.js'

const VERSION = '26.1.5-0badcafe'

/** A shell of busybox takes its own sync, whatever PATH says. */
function host(t: Test): FakeHost {
  const on = fakeHost('dash')
  t.teardown(() => on.remove())
  return on
}

async function go(on: FakeHost, steps: readonly Step[], bundleDir?: string): Promise<void> {
  const plan = { steps, engine: { source: 'host' as const, port: 2376 }, warnings: [] }
  const options = { facts: { sudo: 'root' } as Facts, root: on.root }
  await apply(on.shell, plan, { ...options, ...(bundleDir === undefined ? {} : { bundleDir }) })
}

t.test('what an apply has changed is on the disk before it says that it is done', async (t) => {
  const on = host(t)
  on.fake('sync')
  on.put('etc/docker/same', 'as it was\n')
  const same = file('/etc/docker/same', 'as it was\n', 'leave')
  const written = file('/etc/docker/new', 'new\n', 'write')
  const passing = file('/srv/passing', 'soon gone\n', 'write')
  await go(on, [same, written, passing, { kind: 'remove', path: '/srv/passing', why: 'gone' }])
  const folder = join(on.root, 'etc/docker')
  t.same(on.calls(), [`sync ${folder}/new ${folder}`])
  await go(on, [same, written])
  t.equal(on.calls().length, 1, 'nothing was changed')
})

t.test('a bundle counts as complete only once all of it is on the disk', async (t) => {
  const work = mkdtempSync(join(tmpdir(), 'tsm-bundle-'))
  t.teardown(() => rmSync(work, { recursive: true, force: true }))
  const on = host(t)
  const late = join(on.root, 'late')
  on.fake('sync', `[ ! -e "$2/.complete" ] && [ -s "$2/bin/dockerd" ] || : >'${late}'`)
  const bundleDir = fakeBundle(join(work, 'good'), VERSION)
  await go(on, [{ kind: 'bundle', version: VERSION, why: 'install it' }], bundleDir)
  t.same(on.calls(), [`sync -f ${join(on.root, 'opt/tsmachine', VERSION)}`])
  t.notOk(on.has('late'))
  t.ok(on.has(`opt/tsmachine/${VERSION}/.complete`))
})
