import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Facts } from '../../../src/contracts/provision.js'
import { apply } from '../../../provision/apply.js'
import { collectFacts } from '../../../provision/facts.js'
import { plan } from '../../../provision/plan.js'
import { ALL_TOOLS, fakeHost, type FakeHost } from '../../helpers/fake-host.js'
import { content, debianFacts, failureOf, outline, wanted } from '../../helpers/provision-input.js'

const VERSION = '26.1.5-9e58d154'

function openrcHost(on: FakeHost): void {
  on.put('etc/os-release', 'ID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME="Alpine Linux v3.20"\n')
  on.put('run/openrc/softlevel', 'default')
  on.put('etc/hosts', '127.0.0.1 localhost\n')
  on.put('etc/group', 'root:x:0:\ndocker:x:101:root\n')
  on.fake('pidof')
  on.fake('rc-service')
  on.fake('rc-update')
}

for (const tools of ALL_TOOLS) {
  t.test(
    `${tools}: a host with OpenRC gets our bundle with two services, and again without harm`,
    async (t) => {
      const on = fakeHost(tools)
      t.teardown(() => on.remove())
      openrcHost(on)
      on.put(`opt/tsmachine/${VERSION}/.complete`, '')
      const facts = await collectFacts(on.shell, undefined, on.root)
      t.match(facts, { init: 'openrc', engine: undefined, bundles: [VERSION], osRelease: { ID: 'alpine' } })
      const made = plan(facts, wanted({ name: 'web' }, { env: ["X=it's $(id)"] }))
      await apply(on.shell, made, { facts, root: on.root })
      t.same(
        on.calls().filter((call) => /^rc-/.test(call)),
        [
          'rc-update add tsmachine-containerd default',
          'rc-update add docker default',
          'rc-service docker restart',
        ],
      )
      t.equal(statSync(join(on.root, 'etc/init.d/docker')).mode & 0o777, 0o755)
      t.equal(statSync(join(on.root, 'etc/docker/engine.env')).mode & 0o777, 0o600)
      t.equal(on.read('etc/docker/engine.env'), "export X='it'\\''s $(id)'\n")
      on.put('opt/tsmachine/current/bin/dockerd', '#!/bin/sh\necho Docker version 26.1.5, build x\n', 0o755)
      execFileSync('mkdir', ['-p', join(on.root, 'etc/runlevels/default')])
      execFileSync('ln', ['-s', '/etc/init.d/docker', join(on.root, 'etc/runlevels/default/docker')])
      const next = await collectFacts(on.shell, undefined, on.root)
      t.match(next.engine, {
        state: 'stopped',
        ours: true,
        enabled: true,
        version: '26.1.5',
        service: 'docker',
      })
      t.same(
        outline(plan({ ...next, hostname: 'web' }, wanted({ name: 'web' }, { env: ["X=it's $(id)"] }))),
        [
          ...(next.dockerClient ? [] : ['sh @lib/link-docker.sh']),
          'rc-service docker zap',
          'sh @lib/service.sh start rc-service docker',
        ],
      )
    },
  )

  t.test(`${tools}: an engine that OpenRC runs is known by its process`, async (t) => {
    const on = fakeHost(tools)
    t.teardown(() => on.remove())
    openrcHost(on)
    on.put('etc/init.d/docker', '#!/sbin/openrc-run\ncommand=/usr/bin/dockerd\n')
    on.put('etc/conf.d/docker', 'DOCKER_OPTS="--debug"\n')
    on.put('run/x', '')
    copyFileSync('/bin/sleep', join(on.root, 'dockerd'))
    const process = spawn(join(on.root, 'dockerd'), ['60'])
    t.teardown(() => process.kill())
    on.put('var/run/docker.pid', String(process.pid))
    const { engine } = await collectFacts(on.shell, undefined, on.root)
    t.match(engine, {
      state: 'ready',
      ours: false,
      enabled: false,
      execStart: '--debug',
      optionsFile: { path: '/etc/conf.d/docker', text: 'DOCKER_OPTS="--debug"' },
    })
  })

  t.test(
    `${tools}: starting waits for the engine’s answer, and an engine that ends is a failure`,
    async (t) => {
      const on = fakeHost(tools)
      t.teardown(() => on.remove())
      openrcHost(on)
      const facts = { sudo: 'root' } as Facts
      const start = plan(
        debianFacts({ init: 'openrc', currentBundle: VERSION, bundles: [VERSION] }),
        wanted(),
      )
      const only = { ...start, steps: start.steps.slice(-1) }
      on.fake('docker', `echo x >>'${on.root}/asked'; [ "$(wc -l <'${on.root}/asked')" -ge 3 ]`)
      await apply(on.shell, only, { facts, root: on.root })
      t.equal(on.read('asked').length, 6, 'it was asked until it answered')
      on.fake('docker', 'exit 1')
      on.fake('pidof', 'exit 1')
      on.fake('rc-service', 'echo "docker: crashed"; exit 1')
      on.put('var/log/docker.log', 'failed to start daemon: bad thing\n')
      const error = await failureOf(apply(on.shell, only, { facts, root: on.root }))
      t.match(error.evidence, /docker: crashed\nthe engine ended\n[^]*bad thing/)
    },
  )
}

t.test('the services are scripts of our own constants that any shell can read', async (t) => {
  const made = plan(debianFacts({ init: 'openrc', hasPublicCas: false }), wanted({ enginePort: 23760 }))
  t.same(outline(made), [
    `bundle ${VERSION}`,
    `sh @lib/iptables-backend.sh ${VERSION}`,
    `sh @lib/link-current.sh ${VERSION}`,
    'sh @lib/link-docker.sh',
    'sh @lib/docker-group.sh admin',
    'file /etc/modules-load.d/tsmachine.conf',
    'modprobe -a overlay br_netfilter',
    'file /etc/docker/ca.pem',
    'file /etc/docker/server.pem',
    'file /etc/docker/server-key.pem',
    'file /etc/docker/daemon.json',
    'file /etc/tsmachine/containerd.toml',
    'file /etc/init.d/tsmachine-containerd',
    'file /etc/init.d/docker',
    'rc-update add tsmachine-containerd default',
    'rc-update add docker default',
    'sh @lib/service.sh restart rc-service docker',
  ])
  const stub = 'checkpath() { :; }\n'
  const tail =
    '\nstart_pre; printf "%s\\n" "$command" "$command_args" "$SSL_CERT_FILE" "$GODEBUG" "${PATH%%:*}"'
  for (const shell of [['dash'], ['busybox', 'ash'], ['bash', '--posix']])
    t.same(
      execFileSync(
        shell[0] ?? '',
        [...shell.slice(1), '-c', stub + content(made, '/etc/init.d/docker') + tail],
        {
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      )
        .toString()
        .split('\n')
        .slice(0, 5),
      [
        '/opt/tsmachine/current/bin/dockerd',
        '--containerd=/run/tsmachine/containerd/containerd.sock -H unix:///var/run/docker.sock -H tcp://0.0.0.0:23760',
        '/opt/tsmachine/current/etc/ca-certificates.crt',
        'netdns=go',
        '/opt/tsmachine/current/bin',
      ],
      shell.join(' '),
    )
})
