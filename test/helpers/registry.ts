import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { request } from 'node:https'
import { poll } from './poll.js'
import { runDir } from './run-dir.js'

/** This computer as guests with user networking see it. */
const HOST_FROM_GUEST = '10.0.2.2'

export interface TestRegistry {
  /** `HOST:PORT` as guests reach it. */
  readonly address: string
  /** Path of its CA certificate. */
  readonly ca: string
  stop(): Promise<void>
}

/** Debian's docker-registry over TLS on the loopback address. */
export async function startRegistry(): Promise<TestRegistry> {
  const dir = runDir('registry')
  const [cert, key, config] = ['cert.pem', 'key.pem', 'config.yml'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ]
  selfSigned(cert, key)
  const port = await freePort()
  const settings = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(dir, 'data') } },
    http: { addr: `127.0.0.1:${port}`, tls: { certificate: cert, key } },
  }
  writeFileSync(config, JSON.stringify(settings))
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  await poll(15_000, () => answers(port, cert))
  return {
    address: `${HOST_FROM_GUEST}:${port}`,
    ca: cert,
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function selfSigned(cert: string, key: string): void {
  const names = `subjectAltName=IP:${HOST_FROM_GUEST},IP:127.0.0.1`
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
  ]
  execFileSync(
    'openssl',
    [...args, '-subj', '/CN=registry', '-addext', names, '-out', cert, '-keyout', key],
    {
      stdio: 'ignore',
    },
  )
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

function answers(port: number, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ask = request(
      { host: '127.0.0.1', port, path: '/v2/', ca: readFileSync(ca), timeout: 1_000 },
      (reply) => {
        reply.resume()
        resolve(reply.statusCode === 200)
      },
    )
    ask.on('error', () => resolve(false))
    ask.on('timeout', () => ask.destroy())
    ask.end()
  })
}
