/** Our scripts of single steps, on hosts that are folders. */
import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Facts } from '../../../src/contracts/provision.js'
import { apply } from '../../../provision/apply.js'
import { collectFacts } from '../../../provision/facts.js'
import { run } from '../../../provision/plans/steps.js'
import { ALL_TOOLS, fakeHost, type FakeHost } from '../../helpers/fake-host.js'

async function script(on: FakeHost, name: string, ...words: string[]): Promise<void> {
  const steps = [run(['sh', `@lib/${name}`, ...words], name)]
  const plan = { steps, engine: { source: 'host', port: 2376 }, warnings: [] } as const
  await apply(on.shell, plan, { facts: { sudo: 'root' } as Facts, root: on.root })
}

for (const tools of ALL_TOOLS) {
  const host = (t: { teardown(work: () => void): void }): FakeHost => {
    const on = fakeHost(tools)
    t.teardown(() => on.remove())
    return on
  }

  t.test(`${tools}: a host’s new name survives cloud-init and resolves`, async (t) => {
    const on = host(t)
    on.put('etc/hosts', '127.0.0.1 localhost\n127.0.1.1 old.example old # web\n')
    on.put('etc/cloud/cloud.cfg.d/05_logging.cfg', '')
    await script(on, 'hostname.sh', 'web')
    t.equal(on.read('etc/hostname'), 'web\n')
    t.equal(on.read('etc/hosts'), '127.0.0.1 localhost\n127.0.1.1 web\n')
    t.equal(
      on.read('etc/cloud/cloud.cfg.d/99-tsmachine-hostname.cfg'),
      'preserve_hostname: true\nhostname: "web"\n',
    )
  })

  t.test(`${tools}: docker-machine’s image is named where it keeps things`, async (t) => {
    const on = host(t)
    on.fake('sethostname')
    await script(on, 'hostname.sh', 'b2d')
    t.equal(on.read('var/lib/boot2docker/etc/hostname'), 'b2d\n')
    t.ok(on.calls().includes('sethostname b2d'))
    t.notOk(on.has('etc/hostname'))
  })

  t.test(`${tools}: a group of a read-only /usr is taken over before a user joins it`, async (t) => {
    const on = host(t)
    on.put('etc/group', 'root:x:0:\n')
    on.put('usr/lib/group', 'adm:x:4:\ndocker:x:982:\n')
    await script(on, 'docker-group.sh', 'core')
    t.equal(on.read('etc/group'), 'root:x:0:\ndocker:x:982:\n')
    t.ok(on.calls().includes('usermod -aG docker core'))
    t.notOk(on.calls().some((call) => call.startsWith('groupadd')))
    const { inDockerGroup } = await collectFacts(on.shell, undefined, on.root)
    t.equal(inDockerGroup, true)
  })

  t.test(`${tools}: the client’s link goes where it can, and not beside another`, async (t) => {
    const on = host(t)
    on.put('usr/local/bin/docker', 'its own')
    await script(on, 'link-docker.sh')
    t.notOk(on.has('opt/bin'))
    execFileSync('rm', ['-r', join(on.root, 'usr/local')])
    on.put('usr/local', 'as read-only as it gets: no folder')
    await script(on, 'link-docker.sh')
    t.equal(
      execFileSync('readlink', [join(on.root, 'opt/bin/docker')]).toString(),
      '/opt/tsmachine/current/bin/docker\n',
    )
  })

  t.test(`${tools}: SELinux types come from /usr, or from the policy`, async (t) => {
    const on = host(t)
    on.fake('chcon')
    await script(on, 'selinux.sh', '1')
    const prefix = join(on.root, 'opt/tsmachine/1')
    t.same(on.calls(), [
      `chcon -R --reference=/usr/lib ${prefix}`,
      `chcon -R --reference=/usr/bin ${prefix}/bin ${prefix}/iptables ${prefix}/libexec`,
    ])
  })

  t.test(`${tools}: docker-machine’s image is known by its name, its profile and its process`, async (t) => {
    const on = host(t)
    on.put('etc/os-release', 'NAME=Boot2Docker\nID=boot2docker\nID_LIKE=tcl\n')
    on.put('etc/init.d/docker', '#!/bin/sh\n')
    chmodSync(join(on.root, 'etc/init.d/docker'), 0o755)
    on.put('var/lib/boot2docker/profile', 'DOCKER_TLS=auto\n')
    on.put('var/lib/boot2docker/etc/docker/daemon.json', '{"labels":["a=b"]}')
    on.put('var/lib/boot2docker/ca.pem', 'CA')
    const facts = await collectFacts(on.shell, undefined, on.root)
    t.match(facts, {
      init: 'boot2docker',
      daemonJson: '{"labels":["a=b"]}',
      engine: {
        state: 'stopped',
        enabled: true,
        optionsFile: { path: '/var/lib/boot2docker/profile', text: 'DOCKER_TLS=auto' },
      },
    })
    t.match(Object.keys(facts.files).sort(), [
      '/etc/init.d/docker',
      '/var/lib/boot2docker/ca.pem',
      '/var/lib/boot2docker/etc/docker/daemon.json',
      '/var/lib/boot2docker/profile',
    ])
  })
}
