/** Who the machine is: certificates, host key, client key, and a record that another program has written. */
import { X509Certificate } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t from 'tap'
import { asDockerMachineWrites } from '../../helpers/docker-machine-rewrite.js'
import type { Web } from './web.js'

const OTHER_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE'

export function identity(web: Web): void {
  const { user, dir } = web
  const file = (name: string): string => readFileSync(join(dir, name), 'utf8')
  const recorded = (): string => new X509Certificate(file('server.pem')).fingerprint256

  /** Fingerprint of the certificate that the engine's port shows. */
  async function served(): Promise<string> {
    const { port } = new URL(await user.ok(['url', 'web']))
    const pem = { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') }
    return await new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: Number(port), ...pem }, () => {
        resolve(socket.getPeerCertificate().fingerprint256)
        socket.destroy()
      })
      socket.once('error', reject)
    })
  }

  t.test('renewing the certificate restarts the engine alone, which shows the new one', async (t) => {
    await web.docker('run', '-d', '--init', '--name', 'steady', 'busybox', 'sleep', '3600')
    const before = { container: await web.containerPid('steady'), engine: await web.enginePid() }
    const old = recorded()
    t.equal(await served(), old)
    rmSync(join(dir, 'server.pem'))
    await user.ok(['provision', 'web'])
    t.not(recorded(), old)
    t.equal(await served(), recorded(), 'the engine shows the new certificate')
    t.not(await web.enginePid(), before.engine, 'the engine was restarted')
    t.equal(await web.containerPid('steady'), before.container, 'the container was not')
  })

  t.test('provisioning again changes nothing', async (t) => {
    const before = await web.enginePid()
    await user.ok(['provision', 'web'])
    t.equal(await web.enginePid(), before, 'the same engine process still runs')
  })

  t.test('a host that shows another key is refused, loudly', async (t) => {
    const path = join(dir, 'tsmachine.json')
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace(web.ledger().hostKeys?.current ?? 'none', OTHER_KEY))
    const provision = await user.tsmachine(['provision', 'web'])
    t.equal(provision.code, 1)
    t.match(provision.stderr, /host key[^]*SHA256:/i)
    const ssh = await user.tsmachine(['ssh', 'web', '--', 'true'])
    t.not(ssh.code, 0, 'the ssh program refuses it as well')
    writeFileSync(path, text)
    await user.ok(['ssh', 'web', '--', 'true'])
  })

  t.test('a missing SSH key is named', async (t) => {
    const path = join(dir, 'id_rsa')
    const key = readFileSync(path)
    rmSync(path)
    const outcome = await user.tsmachine(['provision', 'web'])
    t.equal(outcome.code, 1)
    t.match(outcome.stderr, path)
    writeFileSync(path, key, { mode: 0o600 })
  })

  t.test('pins, ledger and resources survive when docker-machine writes config.json again', async (t) => {
    const path = join(dir, 'config.json')
    const before = web.ledger()
    const text = asDockerMachineWrites(readFileSync(path, 'utf8'))
    t.not(text, readFileSync(path, 'utf8'))
    writeFileSync(path, text)
    t.equal(await user.ok(['status', 'web']), 'Running\n')
    // It writes both files.
    await user.ok(['provision', 'web'])
    const after = web.ledger()
    t.ok(after.generation > before.generation, 'the record was written')
    for (const part of ['hostKeys', 'resources', 'driver', 'options', 'ssh', 'engine', 'secrets'] as const)
      t.strictSame(after[part], before[part], part)
    t.equal(await web.inGuest('hostname'), 'web')
    t.match(await web.docker('ps', '--format', '{{.Names}}'), 'steady')
  })
}
