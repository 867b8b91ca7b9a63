/**
 * Servers of a cloud double that are namespaces of this computer (root needed): a real sshd on a loopback address of their
 * own, where provisioning's scripts really run, and an engine that serves the certificates that were installed when it was
 * started last. They cost a tenth of a second, where a VM costs many.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { probeBanner } from '../../src/ssh/banner.js'
import { retry, waitFor } from '../../src/util/wait.js'
import { type Guest, type GuestHost, type GuestSpec, nextAddress } from '../doubles/cloud/guest.js'
import { InstalledEngine } from './installed-engine.js'
import { runDir } from './run-dir.js'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const SSH_PORT = 22
const BOOT_MS = 60_000
/** Programs whose work namespaces cannot show, or must not do to this computer. */
const INERT = ['modprobe', 'journalctl', 'usermod', 'groupadd', 'sysctl', 'iptables', 'nft', 'sync']

/** What of cloud-init's user data a first boot acts on. */
interface UserData {
  readonly ssh_keys: { readonly ed25519_private: string; readonly ed25519_public: string }
  readonly users: readonly { readonly name: string; readonly ssh_authorized_keys: readonly string[] }[]
}

export class NamespaceGuests implements GuestHost {
  readonly #dir = runDir('hosts')
  readonly #guests: NamespaceGuest[] = []

  make(spec: GuestSpec): Guest {
    const guest = new NamespaceGuest(spec, join(this.#dir, `${this.#guests.length}`))
    this.#guests.push(guest)
    return guest
  }

  async close(): Promise<void> {
    await Promise.all(this.#guests.map((guest) => guest.end()))
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

class NamespaceGuest implements Guest {
  address = nextAddress()
  readonly #listeners: (() => void)[] = []
  #child: ChildProcess | undefined
  #engine: InstalledEngine | undefined
  #turn: Promise<void> = Promise.resolve()
  #log = ''

  constructor(
    private readonly spec: GuestSpec,
    private readonly dir: string,
  ) {}

  console = (): string => this.#log
  moveAway = (): void => void (this.address = nextAddress())
  onOff = (listener: () => void): void => void this.#listeners.push(listener)
  open = async (): Promise<void> => await Promise.resolve()

  powerOn(): Promise<void> {
    return this.#next(() => this.#on())
  }

  powerOff(): Promise<void> {
    return this.#next(() => this.#off())
  }

  shutdown(): Promise<void> {
    return this.powerOff()
  }

  reboot(): Promise<void> {
    return this.#next(async () => {
      await this.#off()
      await this.#on()
    })
  }

  async end(): Promise<void> {
    await this.powerOff()
    rmSync(this.dir, { recursive: true, force: true })
  }

  /** One change of power after the other. */
  #next(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #on(): Promise<void> {
    if (this.#child) return
    if (!existsSync(this.dir)) this.#firstBoot()
    rmSync(join(this.dir, 'run'), { recursive: true, force: true })
    mkdirSync(join(this.dir, 'run'))
    writeFileSync(join(this.dir, 'etc/ssh/sshd_config'), sshdConfig(this.address))
    const words = ['unshare', '-muipf', '--kill-child', 'sh', join(HERE, 'namespace-host.sh'), this.dir]
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...words, this.spec.name], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.#log += chunk.toString()))
    child.once('exit', () => {
      this.#child = undefined
      for (const listener of this.#listeners) listener()
    })
    this.#child = child
    this.#engine = await InstalledEngine.start(this.address, join(this.dir, 'run/engine'))
    await retry(`sshd of ${this.spec.name}`, (signal) => probeBanner(this.address, SSH_PORT, signal), {
      ...{ deadlineMs: BOOT_MS, intervalMs: 20, isRetryable: () => this.#child !== undefined },
      evidence: () => this.#log,
    })
  }

  async #off(): Promise<void> {
    await this.#engine?.stop()
    const child = this.#child
    if (!child) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    await waitFor('its port to be free', async () => ((await isOpen(this.address)) ? undefined : true), {
      deadlineMs: BOOT_MS,
    })
  }

  #firstBoot(): void {
    for (const folder of ['etc/ssh', 'work', 'opt', 'sbin', 'tmp', 'root/.ssh'])
      mkdirSync(join(this.dir, folder), { recursive: true, mode: 0o700 })
    for (const folder of ['', 'etc', 'sbin']) chmodSync(join(this.dir, folder), 0o755)
    chmodSync(join(this.dir, 'tmp'), 0o1777)
    copyFileSync(join(HERE, 'namespace-systemctl.sh'), join(this.dir, 'sbin/systemctl'))
    for (const program of INERT)
      writeFileSync(join(this.dir, 'sbin', program), '#!/bin/sh\n', { mode: 0o755 })
    const data = JSON.parse(this.spec.userData.replace('#cloud-config\n', '')) as UserData
    const key = join(this.dir, 'etc/ssh/ssh_host_ed25519_key')
    writeFileSync(key, data.ssh_keys.ed25519_private, { mode: 0o600 })
    writeFileSync(`${key}.pub`, `${data.ssh_keys.ed25519_public}\n`)
    const lines = data.users.flatMap((user) => user.ssh_authorized_keys)
    writeFileSync(join(this.dir, 'root/.ssh/authorized_keys'), `${lines.join('\n')}\n`, { mode: 0o600 })
  }
}

function sshdConfig(address: string): string {
  return [
    `ListenAddress ${address}:${SSH_PORT}`,
    'HostKey /etc/ssh/ssh_host_ed25519_key',
    'PidFile /run/sshd.pid',
    'SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'Subsystem sftp internal-sftp',
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    '',
  ].join('\n')
}

async function isOpen(address: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(SSH_PORT, address)
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })
}
