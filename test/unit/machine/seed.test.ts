import t from 'tap'
import { seedDocuments } from '../../../src/machine/seed.js'

const input = {
  name: 'web',
  instanceId: 'f'.repeat(32),
  user: 'docker',
  authorizedKeys: ['ssh-ed25519 AAAAclient web'],
}

function parsed(text: string): Record<string, unknown> {
  t.ok(text.startsWith('#cloud-config\n'))
  return JSON.parse(text.slice('#cloud-config\n'.length)) as Record<string, unknown>
}

t.test('user data is one JSON document with the user, the key and the host key', async (t) => {
  const hostKey = { privatePem: '-----BEGIN PEM-----\nx\n', publicLine: 'ssh-ed25519 AAAAhost' }
  const data = parsed(seedDocuments({ ...input, hostKey }).userData)
  t.match(data, {
    hostname: 'web',
    users: [{ name: 'docker', ssh_authorized_keys: ['ssh-ed25519 AAAAclient web'] }],
    ssh_keys: { ed25519_private: hostKey.privatePem, ed25519_public: hostKey.publicLine },
    ssh_pwauth: false,
  })
})

t.test('a machine name that no host may have is shortened, and stays its own', (t) => {
  const long = (end: string) => `runner-abcdefghi-a-group-of-runners-with-a-long-description-${end}`
  const names = ['1700123456-0a1b2c3d', '1700123456-0a1b2c3e'].map((end) => {
    const { metaData, userData } = seedDocuments({ ...input, name: long(end) })
    const { hostname } = parsed(userData)
    t.equal((JSON.parse(metaData) as Record<string, unknown>)['local-hostname'], hostname)
    return String(hostname)
  })
  for (const name of names)
    t.match(name, /^runner-abcdefghi-a-group-of-runners-with-a-long-desc.*-[0-9a-f]{8}$/)
  t.ok(names.every((name) => name.length <= 63))
  t.equal(new Set(names).size, 2)
  t.equal(parsed(seedDocuments({ ...input, name: 'x'.repeat(63) }).userData)['hostname'], 'x'.repeat(63))
  t.end()
})

t.test('files for the first boot are root’s, with their modes', async (t) => {
  const files = [{ path: '/etc/docker/server-key.pem', mode: '600', content: 'KEY\n' }]
  t.strictSame(parsed(seedDocuments({ ...input, files }).userData)['write_files'], [
    { path: '/etc/docker/server-key.pem', permissions: '0600', content: 'KEY\n' },
  ])
  t.notOk('write_files' in parsed(seedDocuments(input).userData), 'a sealed seed has none')
})

t.test('a file can be added to one that the guest has', async (t) => {
  const files = [{ path: '/etc/os-release', mode: '644', content: 'ID=other\n', append: true as const }]
  t.match(parsed(seedDocuments({ ...input, files }).userData)['write_files'], [{ append: true }])
})

t.test('a sealed seed holds no private key and keeps the keys that the host made', async (t) => {
  const { userData } = seedDocuments(input)
  t.notMatch(userData, /PRIVATE|ssh_keys/)
  t.equal(parsed(userData)['ssh_deletekeys'], false)
})

t.test('hostile names and keys stay values', async (t) => {
  const extra = { mounts: [['share0', '/a "b"\n$(c)', '9p', 'trans=virtio']] }
  const data = parsed(seedDocuments({ ...input, extra }).userData)
  t.strictSame(data['mounts'], extra.mounts)
})

t.test('meta data names the instance, so that cloud-init runs once per machine', async (t) => {
  t.strictSame(JSON.parse(seedDocuments(input).metaData), {
    'instance-id': 'f'.repeat(32),
    'local-hostname': 'web',
  })
})
