/** A server of a double is a VM: fed the user data of the request, behind the double's firewall, on an address of its own. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { connect } from '../../src/ssh/connect.js'
import { isMachineError } from '../../src/contracts/errors.js'
import { processStart } from '../../src/util/process.js'
import { pending, retry, waitFor } from '../../src/util/wait.js'
import { HetznerDouble } from '../doubles/hetzner/index.js'
import { apiClient } from '../helpers/api-client.js'

t.setTimeout(600_000)
const BOOT_MS = 180_000
const dir = mkdtempSync(join(tmpdir(), 'tsm-keys-'))
const [user, host] = ['user', 'host'].map((name) => {
  const path = join(dir, name)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path])
  return { path, private: readFileSync(path, 'utf8'), public: readFileSync(`${path}.pub`, 'utf8').trim() }
}) as [Key, Key]

interface Key {
  readonly path: string
  readonly private: string
  readonly public: string
}

const CONFIG = {
  users: [{ name: 'root', ssh_authorized_keys: [user.public] }],
  disable_root: false,
  ssh_keys: { ed25519_private: host.private, ed25519_public: host.public },
}
const USER_DATA = [
  ...['MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary="=="', ''],
  ...['--==', 'Content-Type: text/cloud-config', '', '#cloud-config', JSON.stringify(CONFIG), ''],
  ...[
    '--==',
    'Content-Type: text/x-shellscript',
    '',
    '#!/bin/bash',
    'echo mine >>/var/lib/tsmachine/mine',
    '',
  ],
  '--==--\n',
].join('\n')

const double = await HetznerDouble.start({ servers: 'vms' })
t.teardown(async () => {
  if (!t.passing())
    for (const { power } of double.project.servers.values()) process.stderr.write(power.guest.console())
  await double.close()
  rmSync(dir, { recursive: true })
})
const ask = apiClient(double.url)

async function serverWhen(status: string): Promise<{ id: number; public_net: { ipv4: { ip: string } } }> {
  return await waitFor(
    `status ${status}`,
    async () => {
      const { body } = await ask('GET', '/servers')
      const [server] = body['servers'] as {
        id: number
        status: string
        public_net: { ipv4: { ip: string } }
      }[]
      return server?.status === status ? server : pending(server?.status ?? 'no server')
    },
    { deadlineMs: BOOT_MS },
  )
}

/** What a command says that is run as root by SSH. */
async function inServer(address: string, command: string): Promise<string> {
  return await retry(
    command,
    async () => {
      const shell = await connect(
        { host: address, port: 22, user: 'root' },
        { privateKeyPath: user.path, pins: { keys: [host.public.split(' ').slice(0, 2).join(' ')] } },
      )
      try {
        return (await shell.exec(command)).stdout.trim()
      } finally {
        shell.close()
      }
    },
    {
      ...{ deadlineMs: BOOT_MS, intervalMs: 500 },
      isRetryable: (error) => isMachineError(error) && error.code !== 'host-key',
    },
  )
}

void t.test('a double that is killed takes its VMs with it', async (t) => {
  const main = fileURLToPath(new URL('../doubles/cloud/main.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'hetzner', '{"servers":"vms"}'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // What it cannot remove any more lies in our folder.
    env: { ...process.env, TMPDIR: dir },
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const other = apiClient((JSON.parse(String(line)) as { url: string }).url)
  await other('POST', '/servers', { name: 'alone', server_type: 'cx23', image: 'debian-12' })
  const vms = (): string =>
    execFileSync('pgrep', ['-d', ' ', '-P', `${child.pid ?? 0}`, 'qemu'], { encoding: 'utf8' }).trim()
  const pid = await waitFor('the VM to start', async () => await Promise.resolve(Number(vms())), {
    deadlineMs: 60_000,
  })
  t.ok(processStart(pid))
  child.kill('SIGKILL')
  await waitFor('the VM to end', () => Promise.resolve(processStart(pid) === undefined || undefined), {
    deadlineMs: 20_000,
  })
})

const portsOpen = async (address: string): Promise<readonly number[]> => {
  const { connect } = await import('node:net')
  const open = (port: number): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, address)
      socket.once('connect', () => (socket.destroy(), resolve(true)))
      socket.once('error', () => resolve(false))
    })
  const found: number[] = []
  for (const port of [22, 2376]) if (await open(port)) found.push(port)
  return found
}

void t.test('a server boots with its user data, behind its firewall', async (t) => {
  const all = ['0.0.0.0/0', '::/0']
  const rule = (port: string, source_ips: string[]) => ({
    direction: 'in',
    protocol: 'tcp',
    port,
    source_ips,
  })
  const made = await ask('POST', '/firewalls', { name: 'fw', rules: [rule('22', all)] })
  const firewall = (made.body['firewall'] as { id: number }).id
  const wanted = { name: 'web', server_type: 'cx23', image: 'debian-12', firewalls: [{ firewall }] }
  t.match(await ask('POST', '/servers', { ...wanted, user_data: USER_DATA }), { status: 201 })
  const first = await serverWhen('running')
  const address = first.public_net.ipv4.ip
  t.equal(await inServer(address, 'id -un; hostname'), 'root\nweb')
  t.match(await inServer(address, 'echo $SSH_CONNECTION'), /^10\.0\.2\.2 /, 'the caller as the host sees it')
  t.same(await portsOpen(address), [22])
  const narrow = [rule('22', ['10.0.2.2/32']), rule('2376', ['10.0.2.2/32'])]
  await ask('POST', `/firewalls/${firewall}/actions/set_rules`, { rules: narrow })
  await waitFor('2376 to open', async () => ((await portsOpen(address)).length === 2 ? true : undefined), {
    deadlineMs: 10_000,
  })
  await inServer(address, 'until [ -s /var/lib/tsmachine/mine ]; do sleep 1; done')

  await ask('DELETE', `/servers/${first.id}`)
  await waitFor(
    'the server to be gone',
    async () => {
      const { body } = await ask('GET', '/servers')
      return (body['servers'] as unknown[]).length === 0 ? true : undefined
    },
    { deadlineMs: 10_000 },
  )
  t.same(await portsOpen(address), [])
  t.same(double.violations, [])
})
