/**
 * A host for whole creates on which our scripts really run as root: an sshd in namespaces of its own, where /etc, /run, /opt and
 * other folders are its own too. What would change this computer's kernel is a script that only notes its words.
 */
import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { probeBanner } from '../../src/ssh/banner.js'
import { isRetryableSsh } from '../../src/ssh/errors.js'
import { retry } from '../../src/util/wait.js'
import { runDir } from './run-dir.js'
import { freePort } from './sshd.js'

export interface SandboxHost {
  readonly port: number
  /** As `Hosting` wants it: host key, authorized_keys and pid of the sshd. */
  readonly sshDir: string
  /** Command lines of the programs that only note them. */
  calls(): readonly string[]
  has(path: string): boolean
  read(path: string): string
  list(path: string): readonly string[]
  /** Command lines of all processes there but sshd itself. */
  processes(): readonly string[]
  stop(): Promise<void>
}

/** Folders of a host that are its own here, with their places below the sandbox. */
const OWN = ['etc', 'run', 'opt', 'root', 'usr/local', 'var/lib', 'var/log'] as const
const NOTING = [
  'systemctl',
  'modprobe',
  'sysctl',
  'journalctl',
  'iptables',
  'ip6tables',
  'nft',
  'usermod',
  'groupadd',
  'hostnamectl',
]

const SETUP = `set -e
for folder in ${OWN.join(' ')}; do mount --bind "$1/$folder" "/$folder"; done
mkdir -p /run/sshd
hostname sandbox
exec /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config -E "$1/log"`

/** Whether this user may have namespaces of mounts, processes and names. */
export function canSandbox(): boolean {
  try {
    execFileSync('unshare', ['-mupf', '--mount-proc', 'true'], { stdio: 'ignore' })
    return process.getuid?.() === 0
  } catch {
    return false
  }
}

export async function startSandbox(): Promise<SandboxHost> {
  const dir = runDir('sandbox')
  chmodSync(dir, 0o755)
  const at = (path: string): string => join(dir, path)
  for (const folder of OWN.filter((name) => name !== 'etc')) mkdirSync(at(folder), { recursive: true })
  execFileSync('cp', ['-a', '/etc', at('etc')])
  rmSync(at('etc/docker'), { recursive: true, force: true })
  mkdirSync(at('run/systemd/system'), { recursive: true })
  noteCalls(at('fakes'), at('calls'))
  const port = await freePort()
  const sshDir = sshFiles(dir, port)
  const child = spawn('unshare', ['-mupf', '--mount-proc', '--kill-child', 'sh', '-c', SETUP, 'sh', dir], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said += text.toString()))
  const log = (): string => (existsSync(at('log')) ? readFileSync(at('log'), 'utf8') : said)
  const speaks = (signal: AbortSignal): Promise<string> => probeBanner('127.0.0.1', port, signal)
  await retry('sshd', speaks, {
    ...{ deadlineMs: 30_000, intervalMs: 30, isRetryable: isRetryableSsh, evidence: log },
  })
  const root = childOf(child.pid ?? 0)
  writeFileSync(join(sshDir, 'pid'), String(root))
  const namespace = readlinkSync(`/proc/${root}/ns/pid`)
  return {
    port,
    sshDir,
    calls: () =>
      existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8').split('\n').filter(Boolean) : [],
    has: (path) => existsSync(at(path)),
    read: (path) => readFileSync(at(path), 'utf8'),
    list: (path) => (existsSync(at(path)) ? readdirSync(at(path)) : []),
    processes: () => processesIn(namespace).filter((line) => !/sshd(:|.*-D)/.test(line)),
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      if (child.exitCode === null && child.signalCode === null) {
        // The end of the first process of a namespace is the end of all in it.
        process.kill(root, 'SIGKILL')
        await ended
      }
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Whatever is asked is done, and nothing is active. */
function noteCalls(folder: string, calls: string): void {
  mkdirSync(folder)
  for (const program of NOTING) {
    const script = `#!/bin/sh\nprintf '%s\\n' "${program} $*" >>'${calls}'\ncase "$*" in *is-active*) exit 3 ;; esac\n`
    writeFileSync(join(folder, program), script, { mode: 0o755 })
  }
}

/** The sshd's own files, and the folder through which a "first boot" changes them. */
function sshFiles(dir: string, port: number): string {
  const key = join(dir, 'etc/ssh/ssh_host_ed25519_key')
  const sshDir = join(dir, 'ssh')
  mkdirSync(sshDir)
  rmSync(key, { force: true })
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key], {
    stdio: 'ignore',
    input: '',
  })
  writeFileSync(join(sshDir, 'authorized_keys'), '')
  symlinkSync(key, join(sshDir, 'host_ed25519'))
  symlinkSync(`${key}.pub`, join(sshDir, 'host_ed25519.pub'))
  const config = [
    `ListenAddress 127.0.0.1:${port}`,
    'HostKey /etc/ssh/ssh_host_ed25519_key',
    `AuthorizedKeysFile ${join(sshDir, 'authorized_keys')}`,
    'PidFile /run/sshd.pid',
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    'MaxStartups 100',
    `SetEnv PATH=${join(dir, 'fakes')}:/usr/sbin:/usr/bin:/sbin:/bin`,
  ]
  writeFileSync(join(dir, 'etc/ssh/sshd_config'), `${config.join('\n')}\n`)
  return sshDir
}

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
}

function processesIn(namespace: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      if (!/^\d+$/.test(pid) || readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) return []
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()].filter(Boolean)
    } catch {
      return []
    }
  })
}
