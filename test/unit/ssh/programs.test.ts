import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hostEntry } from '../../../src/ssh/client-config.js'
import { rsyncProgramArgs, scpProgramArgs, sftpFlags } from '../../../src/ssh/copy-program.js'
import { sshfsArgs, unmountWays } from '../../../src/ssh/mount-program.js'
import { jumpHosts, readPassedWords } from '../../../src/ssh/passed-options.js'
import { quoted } from '../../../src/ssh/program.js'
import { scratchDir } from '../../helpers/driver-deps.js'

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE'

t.test('words after the name: options as ssh reads them, then the command', async (t) => {
  const read = (...words: string[]) => {
    const { options, command } = readPassedWords(words)
    return [options.map(({ letter, value }) => letter + (value === undefined ? '' : `=${value}`)), command]
  }
  t.strictSame(read('-C', 'echo', '-n', 'foo'), [['C'], ['echo', '-n', 'foo']])
  t.strictSame(read('-tL', '1:h:2', '-NvD9', 'x'), [['t', 'L=1:h:2', 'N', 'v', 'D=9'], ['x']])
  t.strictSame(read('-A', '--', '-x'), [['A'], ['-x']])
  t.strictSame(read('-', 'x'), [[], ['-', 'x']])
  t.strictSame(read('-p'), [['p'], []])
  t.strictSame(read(), [[], []])
})

t.test('jump hosts are found in -J and -o ProxyJump, and not in the command', async (t) => {
  const hops = (...words: string[]) => jumpHosts(readPassedWords(words))
  t.strictSame(hops('-J', 'me@bastion:2222,inner'), ['bastion', 'inner'])
  t.strictSame(hops('-Jbastion', 'ls'), ['bastion'])
  t.strictSame(hops('-o', 'proxyjump = a,ssh://u@b:22', '-oProxyJump=c'), ['a', 'b', 'c'])
  t.strictSame(hops('-o', 'User=x', 'run', '-J', 'nobody'), [])
})

t.test('an scp is made to speak SFTP, or is not used', async (t) => {
  t.strictSame(sftpFlags('OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.15\n'), [])
  t.strictSame(sftpFlags('OpenSSH_10.0p2'), [])
  t.strictSame(sftpFlags('OpenSSH_8.9p1 Ubuntu-3'), ['-s'])
  t.strictSame(sftpFlags('OpenSSH_for_Windows_8.6p1, LibreSSL 3.4.3'), undefined)
  for (const other of ['OpenSSH_8.2p1', 'Sun_SSH_1.1', '']) t.equal(sftpFlags(other), undefined, other)
})

t.test('scp and rsync take each side as one word that cannot be an option or another host', async (t) => {
  const args = { configPath: "/a b/it's.conf", recursive: true, quiet: false }
  const [here, there] = [{ path: '-r:x' }, { host: 'web', user: 'root', path: 'a b' }]
  t.strictSame(scpProgramArgs(here, there, { ...args, sftp: ['-s'] }), [
    ...['-F', "/a b/it's.conf", '-s', '-3', '-r', '--', './-r:x', 'root@web:a b'],
  ])
  t.strictSame(rsyncProgramArgs(there, here, { ...args, ssh: '/usr/bin/ssh' }), [
    ...['--progress', '-r', '-s', '-e', "/usr/bin/ssh -F '/a b/it''s.conf'", '--', 'root@web:a b', './-r:x'],
  ])
  t.match(rsyncProgramArgs(here, there, { ...args, quiet: true, ssh: 'ssh' }).slice(0, 2), ['-q', '-r'])
})

t.test('sshfs takes what the user asks for, but nothing that unpins the host key', async (t) => {
  const from = { host: 'web', path: '/srv' }
  const args = (options: string[], point = '/mnt') => sshfsArgs(from, point, { configPath: '/c', options })
  t.strictSame(args(['reconnect', 'idmap=user,uid=7'], '-m'), [
    ...['-F', '/c', '-o', 'reconnect', '-o', 'idmap=user,uid=7', 'web:/srv', './-m'],
  ])
  for (const option of [
    'StrictHostKeyChecking=no',
    'ro,userknownhostsfile=/dev/null',
    'ssh_command=ssh',
    'S\\trictHostKeyChecking=no',
    'ro\\054ssh_command=sh',
    ' NoHostAuthenticationForLocalhost=yes',
    'KnownHostsCommand=/bin/keys',
    'directport=22',
    'vsock=3:22',
    'passive',
  ])
    t.throws(() => args([option]), { code: 'usage', message: /stays pinned/ }, option)
})

t.test('each system unmounts its own way', async (t) => {
  t.strictSame(unmountWays('darwin', '/mnt'), [{ program: 'umount', args: ['/mnt'] }])
  t.match(
    unmountWays('linux', '-m').map(({ program, args }) => [program, ...args].join(' ')),
    ['fusermount3 -u ./-m', 'fusermount -u ./-m', 'umount ./-m'],
  )
})

t.test('an entry pins the host key, and names that are patterns are refused', async (t) => {
  const dir = join(scratchDir(t), '100% "mine"')
  const endpoint = { host: '2001:db8::1', port: 2222, user: 'a user' }
  const host = { name: 'web', endpoint, pins: { keys: [KEY] }, dir, keyPath: join(dir, 'id_rsa') }
  const entry = await hostEntry(host, { alias: 'vm-web', unattended: false })
  const escaped = dir.replaceAll('%', '%%').replaceAll('"', '\\"')
  for (const line of [
    'Host vm-web',
    '  HostName 2001:db8::1',
    '  Port 2222',
    '  User "a user"',
    '  StrictHostKeyChecking yes',
    '  VerifyHostKeyDNS no',
    '  GlobalKnownHostsFile none',
    '  UpdateHostKeys no',
    '  HostKeyAlias tsmachine-host',
    `  UserKnownHostsFile "${escaped}/known_hosts"`,
    `  IdentityFile "${escaped}/id_rsa"`,
    '  IdentitiesOnly yes',
  ])
    t.ok(entry.split('\n').includes(line), line)
  t.notMatch(entry, /ControlMaster/)
  t.match(await hostEntry(host, { unattended: true }), /ControlMaster no/)
  t.equal(readFileSync(join(dir, 'known_hosts'), 'utf8'), `tsmachine-host,[2001:db8::1]:2222 ${KEY}\n`)
  for (const alias of ['a b', '*', '!x', '-x', 'a\nHost *'])
    await t.rejects(hostEntry(host, { alias, unattended: false }), { code: 'usage' }, alias)
  for (const path of ['/a\nb', '/${HOME}/x']) t.throws(() => quoted(path), { code: 'usage' }, path)
})
