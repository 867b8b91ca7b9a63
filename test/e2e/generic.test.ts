/** The `generic` driver on stock VMs with systemd: Debian 13 without an engine, Debian 12 with its own. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { busyboxTar, importBusybox } from '../helpers/busybox-image.js'
import { PROGRAM, TestUser } from '../helpers/cli.js'
import { genericFlags } from '../helpers/generic-flags.js'
import { GenericMachine, HOSTILE_FLAGS } from '../helpers/generic-machine.js'
import { importLinkedBundle } from '../helpers/linked-bundle.js'
import { pluginLife } from '../helpers/plugin-life.js'
import { startStockVm, type StockVm } from '../helpers/stock-vm.js'

t.setTimeout(900_000)
const user = new TestUser()
t.teardown(() => user.cleanUp())

const PASSWORD = `it's zx81 "$HOME" \\ %s ü`

/** A user whom sudo asks for a password. */
async function addUser(vm: StockVm, name: string): Promise<StockVm> {
  const home = `/home/${name}`
  const shell = await vm.connect()
  const commands = [
    `useradd -m -s /bin/sh ${name}`,
    'chpasswd',
    `cp -r /home/${vm.user}/.ssh ${home} && chown -R ${name}: ${home}/.ssh`,
    `echo "${name} ALL=(ALL) ALL" >/etc/sudoers.d/${name}`,
  ]
  const made = await shell.exec(`sudo sh -ec '${commands.join('\n')}'`, { stdin: `${name}:${PASSWORD}\n` })
  shell.close()
  if (made.code !== 0) throw new Error(made.stderr)
  return { ...vm, user: name }
}

/** Runs `tsmachine` on a terminal that script(1) lends; each question gets the next answer. */
async function onTerminal(
  words: readonly string[],
  question: string,
  answers: readonly string[],
): Promise<string> {
  const line = [process.execPath, PROGRAM, ...words].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['-qec', line, '/dev/null'], { env: user.env })
  const left = [...answers]
  let text = ''
  let asked = 0
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    while (text.split(question).length - 1 > asked) {
      asked += 1
      child.stdin.write(`${left.shift() ?? ''}\r`)
    }
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(text)
  return text
}

/** A bundle that does not run is taken back, one that does stays; the container never notices. */
async function upgrades(t: Test, machine: GenericMachine): Promise<void> {
  const { name, vm } = machine
  const current = async (): Promise<string> => (await vm.run('readlink /opt/tsmachine/current')).trim()
  const before = { pid: await machine.pid('keep'), bundle: await current() }
  const dockerd = '#!/bin/sh\necho this engine is broken >&2\nexit 1\n'
  const broken = await importLinkedBundle(user, { version: '99.0-broken', present: before.bundle, dockerd })
  const failed = await user.tsmachine(['upgrade', name], { env: { ...machine.env, ...broken } })
  t.equal(failed.code, 1)
  t.match(
    failed.stderr,
    /The upgrade of "plain" to 99\.0-broken failed, and .* runs again[^]*engine is broken/,
  )
  t.equal(await current(), before.bundle)
  t.equal(await machine.pid('keep'), before.pid, 'the container runs on')

  const good = await importLinkedBundle(user, { version: '99.1-good', present: before.bundle })
  const env = { ...machine.env, ...good }
  const engine = await machine.enginePid()
  t.match(await user.ok(['upgrade', name], { env }), `${name}: engine ${before.bundle} -> 99.1-good\n`)
  t.equal(await current(), '99.1-good')
  t.not(await machine.enginePid(), engine)
  t.equal(await machine.pid('keep'), before.pid)
  t.equal(await machine.docker('info', '-f', '{{.LiveRestoreEnabled}}'), 'false')
  const left = (await vm.run('ls /opt/tsmachine')).trim().split('\n').toSorted()
  t.equal(
    left.join(' '),
    [before.bundle, '99.1-good', 'current'].toSorted().join(' '),
    'the broken one is gone',
  )
  t.match(await user.ok(['upgrade', name], { env }), /99\.1-good is the newest/)
}

t.test('Debian 13 without an engine, where sudo asks and the clock is wrong, gets ours', async (t) => {
  const vm = await startStockVm({ variant: 'trixie', init: '/usr/lib/systemd/systemd' })
  t.teardown(() => vm.stop())
  const ops = await addUser(vm, 'ops')
  // Our certificates would not be valid there yet, and nothing on the disk keeps the time.
  await vm.run('sudo date -s "-3 days"')

  const wrong = await user.tsmachine([
    'create',
    ...(await genericFlags(ops, `${ops.hostKey.slice(0, -4)}AAAA`)),
    'wrong',
  ])
  t.equal(wrong.code, 1)
  t.match(wrong.stderr, /host key/i)
  await user.ok(['rm', '-f', '-y', 'wrong'])

  const unasked = await user.tsmachine(['create', ...(await genericFlags(ops)), ...HOSTILE_FLAGS, 'plain'])
  t.equal(unasked.code, 1)
  t.match(unasked.stderr, /sudo on the host asks ops for a password[^]*TSMACHINE_SUDO_PASSWORD/)

  const question = 'Password of ops for sudo on plain: '
  const told = await onTerminal(['create', '--resume', 'plain'], question, ['wrong', PASSWORD])
  t.match(told, 'does not accept the password: try again')
  t.match(told, /clock is 2\d{5} s behind: it is set/)
  t.notMatch(told, PASSWORD, 'what is typed is not shown')
  t.ok(Math.abs(Number(await vm.run('date +%s')) - Date.now() / 1000) < 60, 'the clock is right')
  t.equal(await vm.run('sudo journalctl | grep -c zx81 || :'), '0\n', 'no log has the password')

  const machine = new GenericMachine(user, vm, 'plain', { TSMACHINE_SUDO_PASSWORD: PASSWORD })
  t.match(machine.record, { phase: 'ready', engine: { source: 'bundled' }, hostKeys: { source: 'user' } })
  await machine.hasHostileOptions(t)
  await importBusybox(user, 'plain')
  t.equal(await machine.docker('run', '--rm', 'busybox', 'echo', 'it runs'), 'it runs')
  await machine.docker('run', '-d', '--name', 'keep', '-p', '8080:80', 'busybox', 'httpd', '-f', '-p', '80')
  t.match(await user.ok(['ssh', 'plain', '--', 'docker', 'ps']), /keep/, 'the login user may use the engine')
  await machine.isStable(t)
  await machine.renews(t)
  await upgrades(t, machine)
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

    await user.ok(['create', ...(await genericFlags(vm)), ...HOSTILE_FLAGS, 'debian'])
    const machine = new GenericMachine(user, vm, 'debian')
    t.match(machine.record, { phase: 'ready', engine: { source: 'host' } })
    t.equal(await machine.pid('keep'), before, 'the container that ran before still runs')
    await machine.hasHostileOptions(t)
    t.equal(await vm.run('systemctl is-active docker.socket'), 'active\n')
    t.match(
      await vm.run('systemctl cat docker.service'),
      /^ExecStart=\/usr\/sbin\/dockerd -H fd:\/\/ .* -H tcp:/m,
    )
    t.equal(await vm.run('ls /opt'), '', 'nothing of ours was installed')
    await machine.isStable(t)
    await machine.renews(t)
    await user.ok(['rm', '-y', 'debian'])
    await pluginLife(t, user, vm)
  },
)
