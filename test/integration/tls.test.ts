import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ensureCa } from '../../src/tls/authority.js'
import { EngineProbeError, probeEngine } from '../../src/engine/probe.js'
import { certificateInfo } from '../../src/tls/inspect.js'
import { issueServer } from '../../src/tls/server.js'
import { waitFor } from '../../src/util/wait.js'
import { freePort } from '../helpers/sshd.js'
import { size } from '../sizes.js'

const dir = mkdtempSync(join(tmpdir(), 'tsm-tls-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' })
}

async function serverFor(certs: string): Promise<string> {
  const ca = await ensureCa(certs)
  const pair = await issueServer({ ca, name: 'web', sans: ['127.0.0.1', 'localhost', 'web', '::1'] })
  writeFileSync(join(certs, 'server.pem'), pair.cert)
  writeFileSync(join(certs, 'server-key.pem'), pair.key)
  return join(certs, 'server.pem')
}

t.test('openssl verifies our chain strictly, for each purpose and no other', async (t) => {
  const certs = join(dir, 'ec')
  const server = await serverFor(certs)
  const verify = (purpose: string, file: string, ...more: string[]): string =>
    openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', join(certs, 'ca.pem'), ...more, file)
  t.match(verify('sslserver', server, '-verify_ip', '127.0.0.1'), /: OK/)
  t.match(verify('sslserver', server, '-verify_hostname', 'localhost'), /: OK/)
  t.match(verify('sslclient', join(certs, 'cert.pem')), /: OK/)
  t.throws(() => verify('sslclient', server), 'a server certificate is no client')
  t.throws(() => verify('sslserver', join(certs, 'cert.pem')), 'a client certificate is no server')
  t.throws(() => verify('sslserver', server, '-verify_ip', '127.0.0.2'))
})

t.test('openssl reads what the CA is limited to', async (t) => {
  const text = openssl('x509', '-in', join(dir, 'ec', 'ca.pem'), '-noout', '-text')
  t.match(text, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/)
  t.match(text, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/)
  t.match(text, /Subject Key Identifier/)
  t.match(text, /ecdsa-with-SHA256/)
  const leaf = openssl('x509', '-in', join(dir, 'ec', 'server.pem'), '-noout', '-text')
  t.match(leaf, /Authority Key Identifier/)
  t.match(leaf, /Key Usage: critical\s+Digital Signature\n/)
  t.match(leaf, /TLS Web Server Authentication\n/)
})

t.test('leaves of an RSA CA as docker-machine makes it verify as well', async (t) => {
  const certs = mkdtempSync(join(dir, 'rsa-'))
  execFileSync('openssl', ['genrsa', '-traditional', '-out', join(certs, 'ca-key.pem'), '2048'], {
    stdio: 'ignore',
  })
  const usage = 'keyUsage=critical,digitalSignature,keyEncipherment,keyAgreement,keyCertSign'
  openssl(
    ...['req', '-x509', '-new', '-key', join(certs, 'ca-key.pem'), '-out', join(certs, 'ca.pem')],
    ...['-days', '1080', '-sha256', '-subj', '/O=alice', '-addext', usage],
  )
  const server = await serverFor(certs)
  t.match(openssl('verify', '-purpose', 'sslserver', '-CAfile', join(certs, 'ca.pem'), server), /: OK/)
  t.match(openssl('x509', '-in', server, '-noout', '-issuer'), /issuer=O = alice/)
})

t.test('many processes that need a CA at once end with one, and each got that one', async (t) => {
  const certs = join(dir, 'shared')
  const module = new URL('../../src/tls/authority.ts', import.meta.url).href
  const code = `const { ensureCa } = await import(${JSON.stringify(module)})
    const ca = await ensureCa(${JSON.stringify(certs)})
    process.stdout.write(JSON.stringify([ca.caPem, ca.client.cert]))`
  const runs = Array.from({ length: size('caProcesses') }, async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.on('data', (chunk) => (out += String(chunk)))
    const [status] = (await once(child, 'close')) as [number]
    t.equal(status, 0)
    return out
  })
  const seen = new Set(await Promise.all(runs))
  const caPem = readFileSync(join(certs, 'ca.pem'), 'utf8')
  const cert = readFileSync(join(certs, 'cert.pem'), 'utf8')
  t.same([...seen], [JSON.stringify([caPem, cert])])
  t.equal(certificateInfo(cert, { caPem }).issuerMatches, true)
  t.same(readdirSync(certs).sort(), ['ca-key.pem', 'ca.pem', 'cert.pem', 'key.pem'])
})

t.test(
  'a server that does not trust our CA refuses us, and we say that it was the client certificate',
  async (t) => {
    const certs = join(dir, 'ec')
    const port = await freePort()
    const [cert, key] = ['server.pem', 'server-key.pem'].map((name) => join(certs, name))
    const server = spawn(
      'openssl',
      [
        ...['s_server', '-accept', `127.0.0.1:${port}`, '-cert', cert ?? '', '-key', key ?? '', '-quiet'],
        ...['-CAfile', join(certs, '..', 'shared', 'ca.pem'), '-Verify', '1', '-verify_return_error'],
      ],
      { stdio: 'ignore' },
    )
    t.teardown(() => server.kill())
    const pem = (name: string): string => readFileSync(join(certs, name), 'utf8')
    const target = { host: '127.0.0.1', port, ca: pem('ca.pem'), cert: pem('cert.pem'), key: pem('key.pem') }
    const error = await waitFor(
      'the refusal',
      async () => {
        const seen: unknown = await probeEngine(target).catch((error: unknown) => error)
        return seen instanceof EngineProbeError && seen.reason !== 'refused' ? seen : undefined
      },
      { deadlineMs: 10_000 },
    )
    t.match(error, {
      code: 'tls',
      layer: 'tls',
      reason: 'client-refused',
      message: /refused our client certificate/,
    })
  },
)
