/** What every machine of the generic driver must be able to, whatever its host's init system is. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { LedgerRecord } from '../../src/contracts/record.js'
import type { TestUser } from './cli.js'
import type { StockVm } from './stock-vm.js'

/** Values that a shell, systemd's specifiers or a template would spoil. */
export const HOSTILE = `$HOME "x" 'y' \`id\` $(id) 100%h \\ z`

export class GenericMachine {
  constructor(
    readonly user: TestUser,
    readonly vm: StockVm,
    readonly name: string,
    /** Environment of our own commands. */
    readonly env: Readonly<Record<string, string>> = {},
  ) {}

  get record(): LedgerRecord {
    return JSON.parse(readFileSync(join(this.#dir, 'tsmachine.json'), 'utf8')) as LedgerRecord
  }

  get #dir(): string {
    return join(this.user.store, 'machines', this.name)
  }

  ok(words: readonly string[]): Promise<string> {
    return this.user.ok(words, { env: this.env })
  }

  async docker(...args: string[]): Promise<string> {
    const outcome = await this.user.docker(this.name, args)
    if (outcome.code !== 0) throw new Error(`docker ${args.join(' ')}: ${outcome.stderr}`)
    return outcome.stdout.trim()
  }

  pid(container: string): Promise<string> {
    return this.docker('inspect', '-f', '{{.State.Pid}}', container)
  }

  enginePid(): Promise<string> {
    return this.vm.run('cat /var/run/docker.pid')
  }

  /** Label, environment, log option and certificate name are on the host as they were given. */
  async hasHostileOptions(t: Test): Promise<void> {
    const labels = JSON.parse(await this.docker('info', '-f', '{{json .Labels}}')) as string[]
    t.same(labels.toSorted(), [`note=${HOSTILE}`, 'provider=generic'])
    const environment = await this.vm.run('sudo cat "/proc/$(cat /var/run/docker.pid)/environ"')
    t.ok(environment.split('\0').includes(`NOTE=${HOSTILE}`))
    const daemon = JSON.parse(await this.vm.run('sudo cat /etc/docker/daemon.json')) as Record<
      string,
      unknown
    >
    t.match(daemon, { 'log-opts': { env: HOSTILE } })
    const certificate = new X509Certificate(await this.vm.run('sudo cat /etc/docker/server.pem'))
    t.match(certificate.subjectAltName, 'DNS:alt.example')
  }

  /** Provisioning again leaves everything alone. */
  async isStable(t: Test): Promise<void> {
    const before = await this.enginePid()
    t.match(await this.ok(['provision', '--dry-run', this.name]), /Nothing to do/)
    await this.ok(['provision', this.name])
    t.equal(await this.enginePid(), before, 'the engine was not restarted')
  }

  /** Renewal: another certificate, another engine process, the same processes of the container `keep` and settings. */
  async renews(t: Test): Promise<void> {
    const before = { serial: this.#serial(), pid: await this.pid('keep'), engine: await this.enginePid() }
    const settings = await this.vm.run('sudo cat /etc/docker/daemon.json')
    await this.ok(['regenerate-certs', '-f', this.name])
    t.not(this.#serial(), before.serial)
    t.not(await this.enginePid(), before.engine, 'the engine was restarted')
    t.equal(await this.pid('keep'), before.pid, 'the container was not')
    t.equal(await this.vm.run('sudo cat /etc/docker/daemon.json'), settings)
    t.equal(await this.docker('info', '-f', '{{.LiveRestoreEnabled}}'), 'false')
  }

  #serial(): string {
    return new X509Certificate(readFileSync(join(this.#dir, 'server.pem'))).serialNumber
  }
}

/** Flags that `hasHostileOptions` looks for. */
export const HOSTILE_FLAGS = [
  ['--engine-label', `note=${HOSTILE}`],
  ['--engine-env', `NOTE=${HOSTILE}`],
  ['--engine-opt', `log-opt=env=${HOSTILE}`],
  ['--tls-san', 'alt.example'],
].flat()
