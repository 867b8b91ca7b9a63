import { chmodSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { run } from '../../../image-build/exec.js'

/** The guest's scripts run here under the guest's shell, with its places moved into a test's folder. */
const LIB = join(import.meta.dirname, '../../../image-build/guest/lib')
const MIB = 1024 * 1024

interface Guest {
  dir: string
  env: Record<string, string>
  shell: (...words: string[]) => Promise<string>
  script: (name: string, ...words: string[]) => Promise<string>
}

function guest(test: Test): Guest {
  const dir = test.testdir({ sys: { block: {} }, dev: {}, run: {}, log: {}, proc: {}, bin: {}, console: '' })
  const place = (name: string) => join(dir, name)
  writeFileSync(place('proc/cmdline'), 'console=ttyS0 quiet\n')
  writeFileSync(place('proc/uptime'), '4.20 1.00\n')
  writeFileSync(place('run/volumes'), '')
  const env = {
    PATH: `${place('bin')}:${process.env['PATH'] ?? ''}`,
    TSMACHINE_LIB: LIB,
    TSMACHINE_SYS: place('sys'),
    TSMACHINE_DEV: place('dev'),
    TSMACHINE_PROC: place('proc'),
    TSMACHINE_RUN: place('run'),
    TSMACHINE_LOG: place('log'),
    TSMACHINE_CONSOLE: place('console'),
  }
  const shell = (...words: string[]) => run(['busybox', 'sh', ...words], { env })
  return { dir, env, shell, script: (name, ...words) => shell(join(LIB, name), ...words) }
}

/** A sparse file as a disk of 64 MiB, with what the kernel says about it. */
function addDisk(
  of: Guest,
  name: string,
  options: { serial?: string; at?: number; bytes?: string } = {},
): string {
  const file = join(of.dir, 'dev', name)
  const block = join(of.dir, 'sys/block', name)
  mkdirSync(block, { recursive: true })
  writeFileSync(join(block, 'size'), `${String((64 * MIB) / 512)}\n`)
  writeFileSync(join(block, 'serial'), `${options.serial ?? ''}\n`)
  const content = Buffer.alloc(64 * MIB)
  if (options.bytes) content.write(options.bytes, options.at ?? 0, 'latin1')
  writeFileSync(file, content)
  return file
}

/** A blkid that knows nothing of any disk but those named. */
function fakeBlkid(of: Guest, known: readonly string[] = []): void {
  const file = join(of.dir, 'bin/blkid')
  const cases = known.map((name) => `*/${name}) exit 0 ;;`).join(' ')
  writeFileSync(file, `#!/bin/sh\nfor last; do :; done\ncase $last in ${cases} *) exit 2 ;; esac\n`)
  chmodSync(file, 0o755)
}

/** The steps of a document, with every word on a line of its own. */
async function stepsOf(of: Guest, document: string): Promise<string[][]> {
  const file = join(of.dir, 'user-data')
  writeFileSync(file, document)
  const steps = join(of.dir, 'steps')
  writeFileSync(steps, await of.script('nocloud', 'steps', file))
  const kinds = [
    'hostname',
    'user',
    'key',
    'hostkey',
    'format',
    'instance',
    'file',
    'mount',
    'command',
    'shell',
    'script',
    'rootlogin',
    'unknown',
  ]
  const functions = kinds.map((kind) => `step_${kind}() { printf '%s\\0' ${kind} "$@"; printf '\\001\\0'; }`)
  const text = await of.shell('-c', `${functions.join('\n')}\n. ${steps}`)
  return text
    .split('\x01\0')
    .filter(Boolean)
    .map((step) => step.split('\0').slice(0, -1))
}

t.test('user data as JSON and as plain YAML give the same steps', async (t) => {
  const machine = guest(t)
  const data = {
    hostname: 'web.example.org',
    users: [
      'default',
      { name: 'docker', sudo: 'ALL=(ALL) NOPASSWD:ALL', ssh_authorized_keys: ['ssh-ed25519 AAAA me'] },
    ],
    ssh_keys: { ed25519_private: '-----BEGIN-----\nline two\n' },
    write_files: [{ path: '/etc/a b', content: 'it\'s "$HOME" `x`\n\\n', permissions: '0600' }],
    mounts: [['share0', '/src', '9p', 'trans=virtio,version=9p2000.L', '0', '0']],
    runcmd: [['touch', '/tmp/two words'], 'echo $((1 + 1)) > /tmp/sum'],
    tsmachine: { format: '/dev/vdb' },
  }
  const yaml = `#cloud-config
hostname: web.example.org
users:
  - default
  - name: docker
    sudo: ALL=(ALL) NOPASSWD:ALL
    ssh_authorized_keys: [ssh-ed25519 AAAA me]
ssh_keys:
  ed25519_private: |
    -----BEGIN-----
    line two
write_files:
- path: /etc/a b
  permissions: 0600
  content: "it's \\"$HOME\\" \`x\`\\n\\\\n"
mounts:
- [ share0, /src, 9p, 'trans=virtio,version=9p2000.L', "0", "0" ]
runcmd:
- [ touch, /tmp/two words ]
- echo $((1 + 1)) > /tmp/sum
tsmachine: { format: /dev/vdb }
`
  const expected = [
    ['hostname', 'web'],
    ['user', 'docker', '', 'yes'],
    ['key', 'docker', 'ssh-ed25519 AAAA me'],
    ['hostkey', '-----BEGIN-----\nline two\n'],
    ['format', '/dev/vdb'],
    ['file', '/etc/a b', '0600', 'root:root', 'replace', 'text', 'it\'s "$HOME" `x`\n\\n'],
    ['mount', 'share0', '/src', '9p', 'trans=virtio,version=9p2000.L'],
    ['command', 'touch', '/tmp/two words'],
    ['shell', 'echo $((1 + 1)) > /tmp/sum'],
  ]
  t.same(await stepsOf(machine, `#cloud-config\n${JSON.stringify(data)}\n`), expected)
  t.same(await stepsOf(machine, `#cloud-config\n${JSON.stringify(data, null, 2)}\n`), expected)
  t.same(await stepsOf(machine, yaml), expected)
})

t.test('encodings, defaults and keys that are not ours are told apart', async (t) => {
  const machine = guest(t)
  const packed = gzipSync('x').toString('base64')
  const steps = await stepsOf(
    machine,
    JSON.stringify({
      write_files: [
        { path: '/a', content: 'eA==', encoding: 'b64', append: true },
        { path: '/b', content: packed, encoding: 'gzip+base64', owner: 'docker:docker' },
        { path: '/c', content: '', encoding: 'rot13' },
      ],
      ssh_authorized_keys: ['ssh-ed25519 BBBB'],
      users: [{ name: 'eve', sudo: false, shell: '/bin/sh' }],
      apt: { preserve_sources_list: true },
    }),
  )
  t.same(steps, [
    ['user', 'eve', '/bin/sh', 'no'],
    ['key', 'docker', 'ssh-ed25519 BBBB'],
    ['file', '/a', '0644', 'root:root', 'append', 'b64', 'eA=='],
    ['file', '/b', '0644', 'docker:docker', 'replace', 'gz+b64', packed],
    ['file', '/c', '0644', 'root:root', 'replace', 'unknown', ''],
    ['unknown', 'apt'],
  ])
})

t.test('meta-data gives the name, the instance and the provider’s keys', async (t) => {
  const steps = await stepsOf(
    guest(t),
    'instance-id: i-7\nlocal-hostname: dev\npublic-keys: [ssh-rsa AAAA one, junk]\n',
  )
  t.same(steps, [
    ['hostname', 'dev'],
    ['key', 'docker', 'ssh-rsa AAAA one'],
    ['key', 'root', 'ssh-rsa AAAA one'],
    ['instance', 'i-7'],
  ])
})

t.test('root may log in where the user data says so', async (t) => {
  const data = { disable_root: false, users: [{ name: 'root', ssh_authorized_keys: ['ssh-rsa AAAA'] }] }
  t.same(await stepsOf(guest(t), JSON.stringify(data)), [
    ['user', 'root', '', 'no'],
    ['key', 'root', 'ssh-rsa AAAA'],
    ['rootlogin'],
  ])
  t.same(await stepsOf(guest(t), JSON.stringify({ disable_root: true })), [])
})

t.test('the parts of a MIME document are read in their order, and a script as it is', async (t) => {
  const script = '#!/bin/sh\necho "$HOME" \'x\'\n'
  const encoded = Buffer.from('#cloud-config\nruncmd: [[b]]\n').toString('base64')
  const lines = [
    ...['Content-Type: multipart/mixed;', ' boundary="=_b 1"', 'MIME-Version: 1.0', '', 'for old readers'],
    ...[
      '--=_b 1',
      'Content-Type: text/cloud-config; charset="utf-8"',
      '',
      '#cloud-config',
      '{"runcmd": ["a"]}',
    ],
    ...[
      '--=_b 1',
      'content-type: TEXT/x-shellscript',
      'MIME-Version: 1.0',
      '',
      ...script.trimEnd().split('\n'),
    ],
    ...['--=_b 1', 'Content-Type: text/cloud-config', 'Content-Transfer-Encoding: base64', '', encoded],
    ...['--=_b 1', 'Content-Type: text/jinja2', '', 'x', '--=_b 1--', 'after the end'],
  ]
  const expected = [
    ['shell', 'a'],
    ['script', script],
    ['command', 'b'],
    ['unknown', 'a part of type text/jinja2'],
  ]
  t.same(await stepsOf(guest(t), `${lines.join('\n')}\n`), expected)
  t.same(await stepsOf(guest(t), `${lines.join('\r\n')}\r\n`), expected, 'with the line ends of mail')
  t.same(await stepsOf(guest(t), script), [['script', script]], 'alone')
})

t.test('a document that cannot be read is told on the console, with the reason', async (t) => {
  for (const [document, reason] of [
    ['users: "no end\n', /FAILED: cannot read user-data: .*double-quoted/],
    ['- a list\n', /FAILED: cannot read user-data: .*not a mapping/],
    ['{"hostname": }', /FAILED: cannot read user-data: .*parse error/],
  ] as const) {
    const machine = guest(t)
    writeFileSync(join(machine.dir, 'user-data'), document)
    await t.rejects(machine.script('nocloud', 'steps', join(machine.dir, 'user-data')))
    t.match(readFileSync(join(machine.dir, 'console'), 'utf8'), reason)
  }
})

t.test('the data disk is the one with our label', async (t) => {
  const machine = guest(t)
  fakeBlkid(machine)
  addDisk(machine, 'vda', { serial: 'tsmachine-data' })
  const volumes = [
    '/dev/vdc1: SEC_TYPE="msdos" LABEL_FATBOOT="tsmachine-data" LABEL="cidata" UUID="1" TYPE="vfat"',
    '/dev/vdb: LABEL="tsmachine-data" UUID="2" BLOCK_SIZE="4096" TYPE="ext4"',
  ]
  writeFileSync(join(machine.dir, 'run/volumes'), `${volumes.join('\n')}\n`)
  t.equal(await machine.script('data-disk', 'decide'), 'mount /dev/vdb\n')
})

t.test('else the empty disk with our serial, as virtio, NVMe and SCSI tell it', async (t) => {
  const machine = guest(t)
  fakeBlkid(machine)
  addDisk(machine, 'vda', { serial: 'tsmachine-engine' })
  const file = addDisk(machine, 'vdb', { serial: 'tsmachine-data' })
  t.equal(await machine.script('data-disk', 'decide'), `format ${file}\n`)
  const nvme = guest(t)
  fakeBlkid(nvme)
  const other = addDisk(nvme, 'nvme0n1')
  mkdirSync(join(nvme.dir, 'sys/block/nvme0n1/device'))
  writeFileSync(join(nvme.dir, 'sys/block/nvme0n1/serial'), '\n')
  writeFileSync(
    join(nvme.dir, 'sys/block/nvme0n1/device/vpd_pg80'),
    Buffer.from('\0\x80\0\x0etsmachine-data', 'latin1'),
  )
  t.equal(await nvme.script('data-disk', 'decide'), `format ${other}\n`)
})

t.test('a disk with our serial that holds anything is left alone', async (t) => {
  for (const change of [
    { bytes: 'x', at: 9 * MIB },
    { bytes: 'x', at: 64 * MIB - 1 },
    { bytes: '\xfe' },
    { bytes: '0' },
    { bytes: '0\n' },
  ]) {
    const machine = guest(t)
    fakeBlkid(machine)
    addDisk(machine, 'vdb', { serial: 'tsmachine-data', ...change })
    t.match(await machine.script('data-disk', 'decide'), /^ram .*vdb holds something that is not ours/)
  }
  const machine = guest(t)
  fakeBlkid(machine, ['vdb'])
  addDisk(machine, 'vdb', { serial: 'tsmachine-data' })
  t.match(await machine.script('data-disk', 'decide'), /^ram /, 'blkid alone is enough')
})

t.test('a format that was interrupted may be done again', async (t) => {
  const machine = guest(t)
  fakeBlkid(machine)
  const begun = { bytes: 'tsmachine: formatting has begun', at: 63 * MIB }
  const file = addDisk(machine, 'vdb', { serial: 'tsmachine-data', ...begun })
  const content = readFileSync(file)
  content.write('half an inode table', 5 * MIB)
  writeFileSync(file, content)
  t.equal(await machine.script('data-disk', 'decide'), `format ${file}\n`)
})

t.test('a format leaves no mark behind, so that a disk damaged later is not formatted again', async (t) => {
  const machine = guest(t)
  fakeBlkid(machine)
  const file = addDisk(machine, 'vdb', { serial: 'tsmachine-data' })
  writeFileSync(join(machine.dir, 'bin/mkfs.ext4'), '#!/bin/sh\nexit 0\n', { mode: 0o755 })
  await machine.script('data-disk', 'format', file)
  const content = readFileSync(file)
  t.notOk(content.subarray(63 * MIB).some((byte) => byte !== 0))
  content.write('an inode table', 5 * MIB)
  writeFileSync(file, content)
  t.match(await machine.script('data-disk', 'decide'), /^ram /)
})

t.test('formatting a large disk writes little, as every start of a new machine waits for it', async (t) => {
  const machine = guest(t)
  const file = addDisk(machine, 'vdb', { serial: 'tsmachine-data' })
  const size = 20_000 * MIB
  truncateSync(file, 0)
  truncateSync(file, size)
  writeFileSync(join(machine.dir, 'sys/block/vdb/size'), `${size / 512}\n`)
  await machine.script('data-disk', 'format', file)
  t.match(await run(['blkid', '-p', file]), /LABEL="tsmachine-data".* TYPE="ext4"/)
  const { blocks } = statSync(file)
  t.ok(blocks * 512 < MIB, `${blocks * 512} bytes`)
})

t.test("boot2docker's marker is a request to format", async (t) => {
  const machine = guest(t)
  fakeBlkid(machine, ['sda'])
  const file = addDisk(machine, 'sda', { bytes: 'boot2docker, please format-me' })
  t.equal(await machine.script('data-disk', 'decide'), `boot2docker ${file}\n`)
})

t.test('another disk is formatted only when it is named and empty', async (t) => {
  const machine = guest(t)
  fakeBlkid(machine)
  const file = addDisk(machine, 'sdb')
  const nocloud = join(machine.dir, 'run/nocloud')
  mkdirSync(nocloud)
  writeFileSync(join(nocloud, 'read'), '')
  t.equal(await machine.script('data-disk', 'decide'), 'ram no data disk\n')
  writeFileSync(join(machine.dir, 'proc/cmdline'), `quiet tsmachine.format=${file}\n`)
  t.equal(await machine.script('data-disk', 'decide'), `format ${file}\n`, 'on the command line')
  writeFileSync(join(machine.dir, 'proc/cmdline'), 'quiet\n')
  writeFileSync(join(nocloud, 'format'), `${file}\n`)
  t.equal(await machine.script('data-disk', 'decide'), `format ${file}\n`, 'in the user data')
  const content = readFileSync(file)
  content.write('LUKS\xba\xbe', 0, 'latin1')
  writeFileSync(file, content)
  t.match(await machine.script('data-disk', 'decide'), /^ram .*sdb is not an empty disk/)
  truncateSync(file, 0)
  writeFileSync(join(nocloud, 'format'), '/dev/null\n')
  t.match(await machine.script('data-disk', 'decide'), /^ram \/dev\/null is not an empty disk/)
})

t.test('every script of the guest is sound for its shell', async (t) => {
  const scripts = [
    'boot',
    'nocloud',
    'data-disk',
    'network',
    'dhcp-event',
    'clock',
    'supervise',
    'shutdown',
    'common.sh',
  ]
  const programs = ['tsmachine-service', 'tsmachine-hostkey', 'sudo'].map((name) => join(LIB, '../bin', name))
  for (const file of [
    ...scripts.map((name) => join(LIB, name)),
    ...programs,
    join(LIB, '../initramfs/init'),
  ]) {
    await t.resolves(run(['busybox', 'sh', '-n', file]), file)
  }
})

t.test('sudo understands the forms that tools use', async (t) => {
  const machine = guest(t)
  const doas = join(machine.dir, 'bin/doas')
  writeFileSync(doas, '#!/bin/sh\nwhile [ $# -gt 0 ]; do printf "[%s]" "$1"; shift; done\n')
  chmodSync(doas, 0o755)
  const sudo = (...words: string[]) => machine.shell(join(LIB, '../bin/sudo'), ...words)
  t.match(await sudo('-n', 'id'), /^\[-n\]\[-u\]\[root\]\[env\]\[-i\].*\[HOME=\/root\].*\[id\]$/)
  t.match(
    await sudo('-nE', '--', 'docker', 'ps', '-a'),
    /^\[-n\]\[-u\]\[root\]\[env\]\[SUDO_USER=\w+\]\[docker\]\[ps\]\[-a\]$/,
  )
  t.match(await sudo('-S', '-u', 'root', 'A=b c', 'sh', '-c', 'x y'), /\[A=b c\]\[sh\]\[-c\]\[x y\]$/)
  t.match(await sudo('-i'), /\[sh\]\[-l\]$/)
  t.match(await sudo('-s', 'echo', 'hi'), /\[sh\]\[-c\]\[echo hi\]$/)
  await t.rejects(sudo('-u', 'nobody-here', 'id'))
  await t.rejects(sudo('-Z', 'id'))
})
