/** The command `mount` with real sshfs on a real server. Where this computer has no FUSE for us, only what it refuses. */
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { findProgram } from '../../src/util/exec.js'
import { TestUser } from '../helpers/cli.js'
import { recordSshMachine, startSshMachine } from '../helpers/ssh-machine.js'

const me = new TestUser({ store: undefined })
const store = join(me.home, 'a, "store"')
const env = { MACHINE_STORAGE_PATH: store }
const one = await startSshMachine(store, 'one')
const there = join(me.home, 'on the host')
mkdirSync(there)
writeFileSync(join(there, 'file'), 'from the host')
t.teardown(() => one.sshd.stop())
t.teardown(() => me.cleanUp())

function noFuse(): string | false {
  try {
    closeSync(openSync('/dev/fuse', 'r+'))
    return false
  } catch (error) {
    return `FUSE cannot be used here: ${String(error)}`
  }
}

const mounts = (): string => readFileSync('/proc/mounts', 'utf8')
const mount = (...args: string[]) => me.tsmachine(['mount', ...args], { env, limitMs: 60_000 })

t.test('a directory of the host is a directory here until it is unmounted', { skip: noFuse() }, async (t) => {
  const here = join(me.home, 'mnt')
  mkdirSync(here)
  t.teardown(() => me.run('fusermount3', ['-u', '-z', here]))
  // The caller's pipes close although sshfs stays: nothing that is left holds them.
  t.match(await mount('-o', 'idmap=user', '--option', 'ro', `one:${there}`, here), {
    code: 0,
    stdout: '',
    stderr: '',
  })
  t.equal(readFileSync(join(here, 'file'), 'utf8'), 'from the host')
  t.throws(() => writeFileSync(join(here, 'file'), 'x'), { code: 'EROFS' }, 'options reach sshfs')
  t.match(await mount('-u', `one:${there}`, here), { code: 0, stderr: '' })
  t.notMatch(mounts(), here)
  t.match(await mount(`one:${there}`, here, '--json'), { code: 0, stdout: /"mounted": true/ })
  // The mount is taken back though the machine is not known any more.
  t.match(await mount('-u', `gone:${there}`, here), { code: 0, stderr: '' })
})

t.test('a host with another key is not mounted', { skip: noFuse() }, async (t) => {
  const other = generateKeyPair('other').publicLine.split(' ').slice(0, 2).join(' ')
  await recordSshMachine(store, 'wrong', one.sshd, { hostKey: other })
  writeFileSync(join(store, 'machines', 'wrong', 'id_rsa'), readFileSync(one.keyPath), { mode: 0o600 })
  const here = join(me.home, 'refused')
  mkdirSync(here)
  t.teardown(() => me.run('fusermount3', ['-u', '-z', here]))
  const before = one.sshd.log().length
  t.match(await mount(`wrong:${there}`, here), {
    code: 1,
    stderr: /Connection reset|verification failed|CHANGED/,
  })
  t.notMatch(one.sshd.log().slice(before), /Accepted publickey/)
  t.notMatch(mounts(), here)
  t.match(await mount('-o', 'StrictHostKeyChecking=no', `wrong:${there}`, here), {
    code: 2,
    stderr: /stays pinned/,
  })
})

t.test('sshfs is given the pinned host key, the key and the path; umount is the last way', async (t) => {
  const bin = join(me.home, 'bin')
  mkdirSync(bin)
  for (const name of ['ssh', 'env', 'sh']) symlinkSync(findProgram(name) ?? '', join(bin, name))
  for (const name of ['sshfs', 'umount']) {
    writeFileSync(join(bin, name), '#!/bin/sh\nfor word; do echo "$word"; done\n')
    chmodSync(join(bin, name), 0o755)
  }
  const only = { ...env, PATH: bin }
  const run = (...args: string[]) => me.tsmachine(['mount', ...args], { env: only, cwd: me.home })
  const conf = join(store, 'machines', 'one', 'ssh.conf')
  const asked = await run('-o', 'a=b,c', `root@one:${there}`)
  t.strictSame(
    asked.stdout.split('\n').slice(0, -1),
    ['-F', conf, '-o', 'a=b,c', `root@one:${there}`, there],
    asked.stderr,
  )
  const text = readFileSync(conf, 'utf8')
  t.match(text, /^Host one$/m)
  t.match(text, `  IdentityFile "${one.keyPath.replaceAll('"', '\\"')}"`)
  t.match(text, /UserKnownHostsFile .*known_hosts"/)
  t.match(text, /StrictHostKeyChecking yes/)
  t.equal((await run('-u', `one:${there}`)).stdout, `${there}\n`)
})

t.test('what is missing is named, and what to do', async (t) => {
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [[], /^Error: Improper number of arguments/],
    [['one:/x', '/y', '/z'], /Improper number of arguments/],
    [['nope:/x', '/y'], /Docker machine "nope" does not exist/],
    [['/x', '/y'], /no "default" machine exists/],
    [['one:/x', '/no/such'], /The mount point \/no\/such does not exist[^]*mkdir -p '\/no\/such'/],
    [['one:/x', '/etc/passwd'], /is not a directory/],
  ]
  for (const [args, text] of wrong) {
    const outcome = await mount(...args)
    t.not(outcome.code, 0)
    t.match(outcome.stderr, text)
  }
  const bin = join(me.home, 'nothing')
  mkdirSync(bin)
  symlinkSync(findProgram('ssh') ?? '', join(bin, 'ssh'))
  const run = (...args: string[]) => me.tsmachine(['mount', ...args], { env: { ...env, PATH: bin } })
  t.match(await run('one:/x', '/y'), {
    code: 1,
    stderr:
      /You must have a copy of the sshfs binary locally to use the mount feature[^]*apt-get install sshfs/,
  })
  t.match(await run('-u', 'one:/x'), {
    code: 1,
    stderr: /copy of the fusermount3 binary[^]*apt-get install fuse3/,
  })
})
