/** The `generic` driver on stock Debian VMs: one without an engine, one with Debian's own and its socket activation. */
import { readFileSync } from 'node:fs'
import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { busyboxTar, importBusybox } from '../helpers/busybox-image.js'
import { TestUser } from '../helpers/cli.js'
import { genericFlags } from '../helpers/generic-flags.js'
import { importLinkedBundle } from '../helpers/linked-bundle.js'
import { startStockVm, type StockVm } from '../helpers/stock-vm.js'

t.setTimeout(900_000)
const user = new TestUser()
t.teardown(() => user.cleanUp())

function record(name: string): LedgerRecord {
  return JSON.parse(
    readFileSync(join(user.store, 'machines', name, 'tsmachine.json'), 'utf8'),
  ) as LedgerRecord
}

function serial(name: string): string {
  return new X509Certificate(readFileSync(join(user.store, 'machines', name, 'server.pem'))).serialNumber
}

async function docker(name: string, ...args: string[]): Promise<string> {
  const outcome = await user.docker(name, args)
  if (outcome.code !== 0) throw new Error(`docker ${args.join(' ')}: ${outcome.stderr}`)
  return outcome.stdout.trim()
}

const pid = (name: string, container: string): Promise<string> =>
  docker(name, 'inspect', '-f', '{{.State.Pid}}', container)
const enginePid = (vm: StockVm): Promise<string> => vm.run('systemctl show docker.service -p MainPID --value')

/** Renewal: another certificate, another engine process, the same container processes and settings. */
async function renews(t: Tap, vm: StockVm, name: string): Promise<void> {
  const before = { serial: serial(name), pid: await pid(name, 'keep'), engine: await enginePid(vm) }
  const settings = await vm.run('sudo cat /etc/docker/daemon.json')
  await user.ok(['regenerate-certs', '-f', name])
  t.not(serial(name), before.serial)
  t.not(await enginePid(vm), before.engine, 'the engine was restarted')
  t.equal(await pid(name, 'keep'), before.pid, 'the container was not')
  t.equal(await vm.run('sudo cat /etc/docker/daemon.json'), settings)
  t.equal(await docker(name, 'info', '-f', '{{.LiveRestoreEnabled}}'), 'false')
}

/** A bundle that does not run is taken back, one that does stays; the container never notices. */
async function upgrades(t: Tap, vm: StockVm, name: string): Promise<void> {
  const current = async (): Promise<string> => (await vm.run('readlink /opt/tsmachine/current')).trim()
  const before = { pid: await pid(name, 'keep'), bundle: await current() }
  const dockerd = '#!/bin/sh\necho this engine is broken >&2\nexit 1\n'
  const broken = await importLinkedBundle(user, { version: '99.0-broken', present: before.bundle, dockerd })
  const failed = await user.tsmachine(['upgrade', name], { env: broken })
  t.equal(failed.code, 1)
  t.match(
    failed.stderr,
    /The upgrade of "plain" to 99\.0-broken failed, and .* runs again[^]*engine is broken/,
  )
  t.equal(await current(), before.bundle)
  t.equal(await pid(name, 'keep'), before.pid, 'the container runs on')

  const good = await importLinkedBundle(user, { version: '99.1-good', present: before.bundle })
  const engine = await enginePid(vm)
  t.match(await user.ok(['upgrade', name], { env: good }), `${name}: engine ${before.bundle} -> 99.1-good\n`)
  t.equal(await current(), '99.1-good')
  t.not(await enginePid(vm), engine)
  t.equal(await pid(name, 'keep'), before.pid)
  t.equal(await docker(name, 'info', '-f', '{{.LiveRestoreEnabled}}'), 'false')
  const left = (await vm.run('ls /opt/tsmachine')).trim().split('\n').toSorted()
  t.equal(
    left.join(' '),
    [before.bundle, '99.1-good', 'current'].toSorted().join(' '),
    'the broken one is gone',
  )
  t.match(await user.ok(['upgrade', name], { env: good }), /99\.1-good is the newest/)
}

/** Provisioning again leaves everything alone. */
async function isStable(t: Tap, vm: StockVm, name: string): Promise<void> {
  const before = await enginePid(vm)
  t.match(await user.ok(['provision', '--dry-run', name]), /Nothing to do/)
  await user.ok(['provision', name])
  t.equal(await enginePid(vm), before, 'the engine was not restarted')
}

type Tap = Pick<typeof t, 'equal' | 'not' | 'match'>

t.test('a stock Debian host without an engine gets ours', async (t) => {
  const vm = await startStockVm({ variant: 'plain' })
  t.teardown(() => vm.stop())
  t.equal(await vm.run('command -v zstd dockerd docker || echo none'), 'none\n')

  const wrong = await user.tsmachine([
    'create',
    ...(await genericFlags(vm, `${vm.hostKey.slice(0, -4)}AAAA`)),
    'wrong',
  ])
  t.equal(wrong.code, 1)
  t.match(wrong.stderr, /host key/i)
  await user.ok(['rm', '-f', '-y', 'wrong'])

  await user.ok([
    'create',
    ...(await genericFlags(vm)),
    '--engine-label',
    'note=$HOME "x" `id`',
    '--engine-env',
    'X=$(id) "y"',
    'plain',
  ])
  t.match(record('plain'), { phase: 'ready', engine: { source: 'bundled' }, hostKeys: { source: 'user' } })
  t.match(
    await docker('plain', 'info', '-f', '{{.Name}} {{json .Labels}} {{.CgroupVersion}}'),
    /^plain .*note=\$HOME \\"x\\" `id`.*provider=generic.* 2$/,
  )
  t.match(
    await vm.run('sudo cat /proc/$(systemctl show docker -p MainPID --value)/environ | tr "\\000" "\\n"'),
    'X=$(id) "y"\n',
  )

  await importBusybox(user, 'plain')
  t.equal(await docker('plain', 'run', '--rm', 'busybox', 'echo', 'it runs'), 'it runs')
  await docker('plain', 'run', '-d', '--name', 'keep', '-p', '8080:80', 'busybox', 'httpd', '-f', '-p', '80')
  t.match(await user.ok(['ssh', 'plain', '--', 'docker', 'ps']), /keep/, 'the login user may use the engine')
  await isStable(t, vm, 'plain')
  await renews(t, vm, 'plain')
  await upgrades(t, vm, 'plain')
  await user.ok(['rm', '-y', 'plain'])
})

t.test(
  'Debian’s own engine with socket activation is kept and configured, its containers live on',
  async (t) => {
    const vm = await startStockVm({ variant: 'docker' })
    t.teardown(() => vm.stop())
    const shell = await vm.connect()
    await shell.exec('sudo docker import - busybox', {
      stdin: readFileSync(await busyboxTar(join(user.home, 'own'))),
    })
    shell.close()
    // The disk has no apparmor_parser, which Debian only recommends.
    await vm.run('sudo docker run -d --security-opt apparmor=unconfined --name keep busybox sleep 100000')
    const before = (await vm.run("sudo docker inspect -f '{{.State.Pid}}' keep")).trim()

    await user.ok(['create', ...(await genericFlags(vm)), '--engine-label', 'role=own', 'debian'])
    t.match(record('debian'), { phase: 'ready', engine: { source: 'host' } })
    t.equal(await pid('debian', 'keep'), before, 'the container that ran before still runs')
    t.match(await docker('debian', 'info', '-f', '{{json .Labels}}'), /role=own.*provider=generic/)
    t.equal(await vm.run('systemctl is-active docker.socket'), 'active\n')
    t.match(
      await vm.run('systemctl cat docker.service'),
      /^ExecStart=\/usr\/sbin\/dockerd -H fd:\/\/ .* -H tcp:/m,
    )
    t.equal(await vm.run('ls /opt'), '', 'nothing of ours was installed')
    await isStable(t, vm, 'debian')
    await renews(t, vm, 'debian')
    await user.ok(['rm', '-y', 'debian'])
  },
)
