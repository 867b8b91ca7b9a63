/** A real OpenSSH server for one test: own host keys, own configuration, only on 127.0.0.1. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { probeBanner } from '../../src/ssh/banner.js'
import { isRetryableSsh } from '../../src/ssh/errors.js'
import { retry } from '../../src/util/wait.js'
import { runDir } from './run-dir.js'

export type KeyType = 'ed25519' | 'rsa' | 'ecdsa'

export interface SshdOptions {
  readonly hostKeys?: readonly KeyType[]
  /** `authorized_keys` lines. */
  readonly authorized?: readonly string[]
  /** Further lines of sshd_config. */
  readonly config?: readonly string[]
  /** Asked for; any free one when absent. */
  readonly port?: number
  /** Where file transfers begin; the user's home when absent. `null`: there is no file transfer. */
  readonly sftpDir?: string | null
}

export interface Sshd {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly dir: string
  readonly pid: number
  /** Public host key lines (`type base64`), in the order asked for. */
  readonly hostKeys: readonly string[]
  log(): string
  stop(): Promise<void>
}

/** Starts the server and waits until it speaks. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const dir = runDir('sshd')
  chmodSync(dir, 0o755)
  const types = options.hostKeys ?? ['ed25519']
  const hostKeys = types.map((type) => makeKey(join(dir, `host_${type}`), type))
  const port = options.port ?? (await freePort())
  writeFileSync(join(dir, 'authorized_keys'), (options.authorized ?? []).map((line) => `${line}\n`).join(''))
  writeFileSync(
    join(dir, 'sshd_config'),
    [...baseConfig(dir, port, types), ...sftpLines(options.sftpDir), ...(options.config ?? []), ''].join(
      '\n',
    ),
  )
  // A privileged sshd wants its empty directory, which Debian makes only at boot.
  if (process.getuid?.() === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 })
  const child = spawn(
    '/usr/sbin/sshd',
    ['-D', '-e', '-f', join(dir, 'sshd_config'), '-E', join(dir, 'log')],
    {
      stdio: 'ignore',
    },
  )
  const log = (): string => (existsSync(join(dir, 'log')) ? readFileSync(join(dir, 'log'), 'utf8') : '')
  await retry('sshd', (signal) => probeBanner('127.0.0.1', port, signal), {
    deadlineMs: 20_000,
    intervalMs: 30,
    isRetryable: isRetryableSsh,
    evidence: log,
  })
  return {
    host: '127.0.0.1',
    port,
    user: userInfo().username,
    dir,
    pid: child.pid ?? 0,
    hostKeys,
    log,
    stop: () => stop(child, dir),
  }
}

/** Makes a key file with ssh-keygen; returns its public line without comment. */
export function makeKey(path: string, type: KeyType, extra: readonly string[] = ['-N', '']): string {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-f', path, '-C', '', ...extra])
  return readFileSync(`${path}.pub`, 'utf8').trim().split(' ').slice(0, 2).join(' ')
}

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

function baseConfig(dir: string, port: number, types: readonly KeyType[]): string[] {
  return [
    `ListenAddress 127.0.0.1:${port}`,
    ...types.map((type) => `HostKey ${join(dir, `host_${type}`)}`),
    `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
    `PidFile ${join(dir, 'pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'LogLevel VERBOSE',
  ]
}

function sftpLines(dir: string | null | undefined): string[] {
  if (dir === null) return []
  return [`Subsystem sftp internal-sftp${dir === undefined ? '' : ` -d ${dir}`}`]
}

async function stop(child: ChildProcess, dir: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }
  rmSync(dir, { recursive: true, force: true })
}
