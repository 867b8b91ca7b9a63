/** Plain `ssh NAME` by what `ssh-config` prints and installs, with the system's ssh and rsync on real servers. */
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { syncSshEntry } from '../../src/machine/ssh-config.js'
import { openMachine } from '../../src/machine/open.js'
import { Store } from '../../src/store/store.js'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { type Outcome, TestUser } from '../helpers/cli.js'
import { machineContext } from '../helpers/machine-context.js'
import { dockerMachineRecord } from '../helpers/records.js'
import { recordSshMachine, startSshMachine, type SshMachine } from '../helpers/ssh-machine.js'

/** A user with two machines, one of docker-machine's whose host key nobody knows, and a none machine. */
class Me extends TestUser {
  readonly root = join(this.home, 'my store')
  readonly config = join(this.home, '.ssh', 'config')
  readonly entries = (name: string): string => join(this.root, 'machines', name, 'ssh_config')
  readonly machines: SshMachine[] = []

  static async make(t: Test): Promise<Me> {
    const me = new Me()
    t.teardown(() => me.cleanUp())
    for (const name of ['one', 'two']) {
      const machine = await startSshMachine(me.root, name)
      t.teardown(() => machine.sshd.stop())
      me.machines.push(machine)
    }
    return me
  }

  sshConfig(...args: string[]): Promise<Outcome> {
    return this.tsmachine(['ssh-config', ...args], { env: { MACHINE_STORAGE_PATH: this.root } })
  }

  /** The system's ssh with this user's configuration (it looks the home up in passwd, whatever HOME says). */
  ssh(...args: string[]): Promise<Outcome> {
    return this.run('ssh', ['-F', this.config, ...args])
  }

  /** As in a verb of ours. */
  context(): ReturnType<typeof machineContext> {
    const ctx = machineContext({ dir: this.home, env: { HOME: this.home } })
    return { ...ctx, store: new Store(this.root, { env: {}, program: 'tsmachine' }) }
  }
}

const me = await Me.make(t)

t.test('what is printed is a configuration that reaches each machine and pins its host key', async (t) => {
  mkdirSync(join(me.root, 'machines', 'foreign'))
  writeFileSync(join(me.root, 'machines', 'foreign', 'config.json'), dockerMachineRecord('generic'))
  const printed = await me.sshConfig()
  t.equal(printed.code, 0, printed.stderr)
  t.match(printed.stdout, /^# left out: foreign: its host key is not known yet/m)
  const config = join(me.home, 'printed')
  writeFileSync(config, printed.stdout)
  for (const { name, sshd } of me.machines) {
    const outcome = await me.run('ssh', ['-F', config, name, 'echo $SSH_CONNECTION'])
    t.match(outcome, { code: 0, stdout: new RegExp(` ${sshd.port}\n$`) }, outcome.stderr)
  }
  t.notOk(existsSync(me.config), 'nothing is installed by that')
  t.match(JSON.parse((await me.sshConfig('two', '--json')).stdout), {
    result: { entries: [{ name: 'two', alias: 'two' }], skipped: [] },
  })
  t.match(await me.sshConfig('nope'), { code: 1, stderr: /Docker machine "nope" does not exist/ })
})

t.test('--install: one Include line on top, once, in a file that stays as private as it was', async (t) => {
  t.match(await me.sshConfig('--install'), {
    code: 0,
    stdout: /config includes them: one two\n# left out: foreign/,
  })
  const line = `Include "${me.root}/ssh_config"\n`
  t.equal(readFileSync(me.config, 'utf8'), line)
  t.equal(statSync(me.config).mode & 0o777, 0o600)
  t.equal(statSync(join(me.home, '.ssh')).mode & 0o777, 0o700)
  t.match(await me.ssh('two', 'echo in'), { code: 0, stdout: 'in\n' })
  t.match(await me.run('rsync', ['-e', `ssh -F '${me.config}'`, 'one:/etc/hostname', me.home]), { code: 0 })
  t.ok(existsSync(join(me.home, 'hostname')))

  // The user's own lines, a link to the file, and our line where it no longer counts.
  const elsewhere = join(me.home, 'dotfiles-config')
  const own = 'Host *\n  Port 1\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n'
  writeFileSync(elsewhere, own + line, { mode: 0o640 })
  await me.run('rm', [me.config])
  symlinkSync('../dotfiles-config', me.config)
  for (let count = 0; count < 2; count++) t.match(await me.sshConfig('--install'), { code: 0 })
  t.equal(readFileSync(elsewhere, 'utf8'), line + own)
  t.equal(statSync(elsewhere).mode & 0o777, 0o640)
  t.match(await me.ssh('one', 'echo in'), { code: 0, stdout: 'in\n' }, 'our values come first')

  t.match(await me.sshConfig('--uninstall', 'two'), { code: 0 })
  t.notOk(existsSync(me.entries('two')))
  t.match(await me.sshConfig('--uninstall'), { code: 0, stdout: 'The entries are taken back.\n' })
  t.equal(readFileSync(me.config, 'utf8'), own)
  t.notOk(existsSync(me.entries('one')))
  t.notOk(existsSync(join(me.root, 'ssh_config')))
  t.match(await me.sshConfig('--uninstall'), { code: 0, stdout: 'There was nothing to take back.\n' })
})

t.test('a host of the user’s own is never hidden; a prefix keeps both', async (t) => {
  await me.run('rm', ['-f', me.config])
  writeFileSync(me.config, 'Match all\n  Compression yes\nhost = "mine" two # a comment\n', { mode: 0o600 })
  t.match(await me.sshConfig('--install'), {
    code: 1,
    stderr: /has a host "two" of your own already[^]*--prefix vm-/,
  })
  t.notMatch(readFileSync(me.config, 'utf8'), /Include/)
  t.match(await me.sshConfig('--install', '--prefix', 'vm-'), { code: 0, stdout: /vm-one vm-two/ })
  t.match(await me.ssh('vm-two', 'echo in'), { code: 0, stdout: 'in\n' })
  t.match(await me.sshConfig('one'), { stdout: /^Host vm-one$/m }, 'the prefix is kept')
  t.match(await me.sshConfig('--install', '--prefix', 'a b'), { code: 2 })
})

t.test('start keeps an entry right, and create adds one, where they are installed', async (t) => {
  const [one, two] = me.machines
  if (!one || !two) throw new Error('two machines')
  const at = me.context()
  await recordSshMachine(me.root, 'three', one.sshd)
  await syncSshEntry(at, await openMachine(at, 'three'), false)
  t.notOk(existsSync(me.entries('three')), 'start leaves out what is left out')
  await syncSshEntry(at, await openMachine(at, 'three'), true)
  writeFileSync(join(me.root, 'machines', 'three', 'id_rsa'), readFileSync(one.keyPath), { mode: 0o600 })
  t.match(await me.ssh('vm-three', 'echo in'), { code: 0, stdout: 'in\n' })

  // Another port and host key, as after a start.
  const open = await openMachine(at, 'three')
  await at.store.update('three', open.factory.record, (ledger) => ({
    ...ledger,
    driver: { ...ledger.driver, config: { ...ledger.driver.config, sshPort: two.sshd.port } },
    hostKeys: { source: 'user', current: two.sshd.hostKeys[0] ?? '', rotated: true },
  }))
  await syncSshEntry(at, await openMachine(at, 'three'), false)
  t.match(await me.ssh('-G', 'vm-three'), { stdout: new RegExp(`^port ${two.sshd.port}$`, 'm') })
  writeFileSync(me.config, `${readFileSync(me.config, 'utf8')}Host vm-three\n`)
  await syncSshEntry(at, await openMachine(at, 'three'), true)
  t.match(at.events, [{ type: 'warn', text: /No entry for plain ssh: .*"vm-three" of your own/ }])
})

t.test('plain ssh refuses a host with another key', async (t) => {
  const [one] = me.machines
  if (!one) throw new Error('a machine')
  const other = generateKeyPair('other').publicLine.split(' ').slice(0, 2).join(' ')
  await recordSshMachine(me.root, 'wrong', one.sshd, { hostKey: other })
  t.equal((await me.sshConfig('--install', 'wrong')).code, 0)
  t.match(await me.ssh('vm-wrong', 'true'), {
    code: 255,
    stderr: /IDENTIFICATION HAS CHANGED|verification failed/,
  })
})

t.test('what the user’s own options say for all hosts does not unpin a machine', async (t) => {
  const lax = [
    'StrictHostKeyChecking no',
    'UserKnownHostsFile /dev/null',
    'NoHostAuthenticationForLocalhost yes',
    'VerifyHostKeyDNS yes',
    'CheckHostIP no',
  ].join('\n')
  const below = readFileSync(me.config, 'utf8')
  writeFileSync(me.config, `${below}Host *\n${lax}\n`)
  t.match(await me.ssh('vm-wrong', 'true'), { code: 255, stderr: /IDENTIFICATION HAS CHANGED/ })
  t.match(await me.ssh('-G', 'vm-wrong'), { stdout: /^verifyhostkeydns (no|false)$/m })

  // Somebody, or another program, has put them above our line: it is brought to the top again.
  writeFileSync(me.config, `${lax}\n${below}`)
  t.match(await me.ssh('vm-wrong', 'true'), { stderr: /Permanently added/ }, 'ssh lets it pass')
  t.equal((await me.sshConfig('--install', 'wrong')).code, 0)
  t.match(readFileSync(me.config, 'utf8'), /^Include [^]*StrictHostKeyChecking no/)
  t.match(await me.ssh('vm-wrong', 'true'), { code: 255, stderr: /Host key verification failed/ })
})
