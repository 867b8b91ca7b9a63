/** The user's own user data beside ours, as cloud-init itself reads both. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { ownPart, readOwnUserData } from '../../src/machine/own-user-data.js'
import { seedDocuments } from '../../src/machine/seed.js'
import { multipart } from '../../src/util/multipart.js'
import { type Merged, openCloudInit } from '../helpers/cloud-init.js'

const merge = await openCloudInit()
const HOST_KEY = { privatePem: '-----BEGIN PEM-----\nours\n', publicLine: 'ssh-ed25519 AAAAhost' }
const OURS = {
  name: 'docker',
  lock_passwd: true,
  ssh_authorized_keys: ['ssh-ed25519 AAAAclient web'],
  shell: '/bin/sh',
  sudo: 'ALL=(ALL) NOPASSWD:ALL',
}

function merged(
  own: string | Buffer,
  more: { readonly user?: string; readonly small?: boolean } = {},
): Merged {
  const { userData } = seedDocuments({
    name: 'web',
    instanceId: 'f'.repeat(32),
    user: more.user ?? 'docker',
    authorizedKeys: ['ssh-ed25519 AAAAclient web'],
    hostKey: HOST_KEY,
    files: [{ path: '/etc/ours', mode: '600', content: 'größe\n' }],
    own: ownPart(Buffer.from(own), 'the test', more.small ? { small: true } : {}),
  })
  return merge(userData)
}

const OWN_CONFIG = `#cloud-config
hostname: mine
users:
  - default
  - {name: joe, gecos: "Jöe"}
disable_root: false
ssh_keys: {ed25519_private: theirs, rsa_private: theirs}
ssh_deletekeys: false
write_files: [{path: /etc/theirs, content: x}]
packages: [htop]
runcmd:
  - [touch, /tmp/ran]
`

t.test('lists are joined, settings of ours win, and what only the user says stays', async (t) => {
  for (const small of [false, true]) {
    const { config, faults } = merged(OWN_CONFIG, { small })
    t.strictSame(faults, [])
    t.strictSame(config['users'], ['default', { name: 'joe', gecos: 'Jöe' }, OURS])
    t.strictSame(config['ssh_keys'], {
      ed25519_private: HOST_KEY.privatePem,
      ed25519_public: HOST_KEY.publicLine,
    })
    t.match(config, {
      hostname: 'web',
      disable_root: true,
      ssh_deletekeys: true,
      packages: ['htop'],
      runcmd: [['touch', '/tmp/ran']],
    })
    t.match(config['write_files'], [{ path: '/etc/theirs' }, { path: '/etc/ours', content: 'größe\n' }])
    t.notOk('merge_how' in config)
  }
})

t.test('a way to merge of the user is in force for the parts of the user', async (t) => {
  const parts = [
    'packages: [one]\nruncmd: [a]\n',
    'packages: [two]\nmerge_how: list(append)+dict(no_replace,recurse_list)\n',
  ]
  const own = multipart(
    parts.map((text) => ({ type: 'text/cloud-config', content: Buffer.from(`#cloud-config\n${text}`) })),
  )
  const { config } = merged(own)
  t.strictSame(config['packages'], ['one', 'two'])
  t.strictSame(config['users'], [OURS])
})

t.test('scripts, boot hooks, templates and archives keep their kind', async (t) => {
  const kinds: Record<string, string> = {
    '#!/bin/sh\necho "größe"\n': 'text/x-shellscript',
    '#cloud-boothook\necho x\n': 'text/cloud-boothook',
    '## template: jinja\n#cloud-config\npackages: [x]\n': 'text/jinja2',
  }
  for (const [text, type] of Object.entries(kinds)) {
    t.strictSame(merged(text).parts, [[type, text]], type)
    t.strictSame(merged(gzipSync(text)).parts, [[type, text]], `${type}, packed`)
    t.strictSame(merged(text).config['users'], [OURS])
  }
  const archive = '#cloud-config-archive\n- "#cloud-config\\npackages: [x]\\n"\n- "#!/bin/sh\\ntrue\\n"\n'
  const { config, parts } = merged(archive)
  t.strictSame(config['packages'], ['x'])
  t.strictSame(parts, [['text/x-shellscript', '#!/bin/sh\ntrue\n']])
})

t.test('what is included is read in its place: before ours', async (t) => {
  const file = join(t.testdir(), 'more')
  writeFileSync(file, OWN_CONFIG)
  const { config } = merged(`#include\nfile://${file}\n`)
  t.strictSame(config['users'], ['default', { name: 'joe', gecos: 'Jöe' }, OURS])
  t.equal(config['hostname'], 'web')
})

t.test('a script in a MIME document of the user is taken in with all its parts', async (t) => {
  const own = multipart([
    { type: 'text/cloud-config', content: Buffer.from(OWN_CONFIG) },
    { type: 'text/x-shellscript', content: Buffer.from('#!/bin/sh\ntrue\n') },
  ])
  for (const text of [own, gzipSync(own), `\n${own}`]) {
    const { config, parts } = merged(text)
    t.strictSame(config['packages'], ['htop'])
    t.strictSame(parts, [['text/x-shellscript', '#!/bin/sh\ntrue\n']])
    t.equal((config['users'] as unknown[]).length, 3)
  }
})

t.test('root gets the key where root is the user', async (t) => {
  const { config } = merged(OWN_CONFIG, { user: 'root' })
  t.equal(config['disable_root'], false)
  t.strictSame((config['users'] as unknown[]).at(-1), {
    name: 'root',
    lock_passwd: true,
    ssh_authorized_keys: ['ssh-ed25519 AAAAclient web'],
  })
})

t.test('what cloud-init would pass over is refused, with what it knows', async (t) => {
  const dir = t.testdir({
    text: 'hello\n',
    empty: '',
    broken: Buffer.from([0x1f, 0x8b, 1, 2]).toString('latin1'),
  })
  writeFileSync(join(dir, 'broken'), Buffer.from([0x1f, 0x8b, 1, 2]))
  writeFileSync(join(dir, 'mime'), Buffer.from([...Buffer.from('MIME-Version: 1.0\n\n'), 0xff]))
  writeFileSync(join(dir, 'large'), Buffer.alloc(1024 * 1024 + 1, '#!'))
  const cases = {
    text: /begins with nothing that cloud-init knows/,
    empty: /begins with nothing that cloud-init knows/,
    broken: /no sound gzip file/,
    mime: /not UTF-8 text/,
    large: /larger than 1048576 bytes/,
    gone: /Cannot read the user data from .*gone/,
  }
  for (const [file, message] of Object.entries(cases))
    await t.rejects(readOwnUserData(join(dir, file)), { code: 'preflight', exitCode: 3, message }, file)
})
