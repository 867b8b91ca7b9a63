/** A user who has docker-machine's driver plugins on PATH: those written in Go (test/doubles/go), and their provider. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { HostRecordV3, JsonObject, LedgerRecord } from '../../src/contracts/record.js'
import { type Outcome, type RunOptions, TestUser } from './cli.js'
import { goProgram } from './go-programs.js'
import { GoProvider } from './go-provider.js'
import { machineContext } from './machine-context.js'
import { type ScriptedHost, scriptedHost } from './scripted-host.js'

/** What only the plugin's user and the plugin may know. */
export const TOKEN = 'go-double-secret'

export interface PluginUserOptions {
  /** Drivers whose plugins are on PATH; `docker-machine` is the stand-in for that program. */
  readonly plugins?: readonly string[]
  /** Further variables of every command. */
  readonly env?: Readonly<Record<string, string>>
}

export class PluginUser {
  readonly #user = new TestUser()
  readonly provider: GoProvider
  readonly env: Readonly<Record<string, string>>

  private constructor(folders: readonly string[], env: Readonly<Record<string, string>>) {
    mkdirSync(this.store, { recursive: true })
    this.provider = new GoProvider(this.home)
    const path = [...folders, process.env['PATH'] ?? ''].join(':')
    this.env = { ...this.provider.env, GODOUBLE_TOKEN: TOKEN, PATH: path, ...env }
  }

  static async start(t: Test, { plugins = ['godouble'], env = {} }: PluginUserOptions = {}) {
    const folders = await Promise.all(plugins.map((name) => goProgram('plugin', name)))
    const made = new PluginUser(folders, env)
    t.teardown(() => rmSync(made.home, { recursive: true, force: true }))
    return made
  }

  get home(): string {
    return this.#user.home
  }

  get store(): string {
    return this.#user.store
  }

  async run(words: readonly string[], { env, ...options }: RunOptions = {}): Promise<Outcome> {
    const all = { ...this.env, ...env }
    return await this.#user.tsmachine(words, { limitMs: 60_000, ...options, env: all })
  }

  /** The same, and a failure is an error with all that it printed. */
  async ok(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const outcome = await this.run(words, options)
    if (outcome.code === 0) return outcome
    const { code, signal, stdout, stderr } = outcome
    throw new Error(`tsmachine ${words.join(' ')} ended with ${code ?? signal}\n${stdout}\n${stderr}`)
  }

  /** A host that machines of this store can be: a real sshd that answers our scripts, and an engine. */
  async host(t: Test, sans: readonly string[] = []): Promise<ScriptedHost> {
    return await scriptedHost(t, machineContext({ dir: this.home }), { sans })
  }

  /** The file of a machine. */
  file(machine: string, name: string): string {
    return join(this.store, 'machines', machine, name)
  }

  has(machine: string, name = ''): boolean {
    return existsSync(this.file(machine, name))
  }

  text(machine: string, name: string): string {
    return readFileSync(this.file(machine, name), 'utf8')
  }

  mode(machine: string, name: string): number {
    return statSync(this.file(machine, name)).mode & 0o777
  }

  config(machine: string): HostRecordV3 {
    return JSON.parse(this.text(machine, 'config.json')) as HostRecordV3
  }

  ledger(machine: string): LedgerRecord {
    return JSON.parse(this.text(machine, 'tsmachine.json')) as LedgerRecord
  }

  /** Makes the record one that docker-machine has written: it knows no other file. */
  asOfDockerMachine(machine: string, fields: JsonObject = {}): void {
    for (const name of ['tsmachine.json', 'shell-env']) rmSync(this.file(machine, name), { force: true })
    const added = Object.entries(fields).map(([key, value]) => `"${key}": ${JSON.stringify(value)},`)
    // As text: numbers keep their digits.
    const text = this.text(machine, 'config.json').replace('"Driver": {', `"Driver": {${added.join('')}`)
    writeFileSync(this.file(machine, 'config.json'), text, { mode: 0o600 })
  }
}

/** Flags with which a plugin's server is this host. */
export function hostFlags({ sshd, engine }: ScriptedHost, driver = 'godouble'): string[] {
  const values = {
    address: sshd.host,
    'ssh-port': sshd.port,
    'engine-port': engine.port,
    'authorized-keys': join(sshd.dir, 'authorized_keys'),
  }
  return Object.entries(values).flatMap(([name, value]) => [`--${driver}-${name}`, String(value)])
}
