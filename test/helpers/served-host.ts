/** A host of docker-machine's plugins without the wire: the calls that it makes, and the records that it saves. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DriverFactory } from '../../src/contracts/driver.js'
import type { JsonObject } from '../../src/contracts/json.js'
import type { LedgerRecord } from '../../src/contracts/record.js'
import type { PluginFlagValues, PluginHandlers } from '../../src/drivers/plugin/wire/plugin-api.js'
import { serveDriver } from '../../src/machine/serve-driver.js'
import { machineContext, type TestContextOptions } from './machine-context.js'
import { dockerMachineRecord } from './records.js'

export class ServedHost {
  readonly handlers: PluginHandlers
  readonly ctx: ReturnType<typeof machineContext>
  readonly dir: string

  /** A plugin of its own for `name`, as docker-machine starts one for each machine. */
  constructor(
    private readonly factory: DriverFactory,
    readonly name: string,
    options: TestContextOptions,
    readonly driverName = `ts-${factory.name}`,
  ) {
    const load = { [factory.name]: factory, [driverName]: factory }
    this.ctx = machineContext({ ...options, factories: load })
    this.dir = this.ctx.store.dir(name)
    this.handlers = serveDriver(
      { factory, driverName, contextAt: () => this.ctx },
      { heartbeat: () => undefined, close: () => undefined, report: this.ctx.report },
    )
  }

  get configFile(): string {
    return join(this.dir, 'config.json')
  }

  /** As for a new machine: nothing but its name and the store. */
  async begin(values: PluginFlagValues): Promise<void> {
    const base = { IPAddress: '', MachineName: this.name, SSHUser: '', SSHPort: 0, SSHKeyPath: '' }
    await this.handlers.SetConfigRaw(JSON.stringify({ ...base, StorePath: this.ctx.store.root }))
    await this.handlers.SetConfigFromFlags(values)
  }

  async create(values: PluginFlagValues): Promise<void> {
    await this.begin(values)
    await this.handlers.PreCreateCheck(undefined)
    await this.save()
    await this.handlers.Create(undefined)
    await this.save()
  }

  async state(): Promise<JsonObject> {
    return JSON.parse(await this.handlers.GetConfigRaw(undefined)) as JsonObject
  }

  async save(): Promise<void> {
    const record = JSON.parse(
      dockerMachineRecord('generic').replaceAll('STORE', this.ctx.store.root),
    ) as JsonObject
    mkdirSync(this.dir, { recursive: true, mode: 0o700 })
    const DriverName = await this.handlers.DriverName(undefined)
    const saved = { ...record, Driver: await this.state(), DriverName, Name: this.name }
    writeFileSync(this.configFile, JSON.stringify(saved, undefined, 4), { mode: 0o600 })
  }

  /** The state that was saved last. */
  saved(): JsonObject {
    return (JSON.parse(readFileSync(this.configFile, 'utf8')) as { Driver: JsonObject }).Driver
  }

  /** What our own file says. */
  ledger(): LedgerRecord {
    const { ledger } = this.ctx.store.get(this.name)
    if (!ledger) throw new Error('there is no ledger')
    return ledger
  }

  /** Another plugin process, for what was saved. */
  async again(state: JsonObject = this.saved()): Promise<ServedHost> {
    const next = new ServedHost(
      this.factory,
      this.name,
      { dir: join(this.ctx.store.root, '..') },
      this.driverName,
    )
    await next.handlers.SetConfigRaw(JSON.stringify(state))
    return next
  }

  /** As `docker-machine rm` does it. */
  async remove(): Promise<void> {
    await this.handlers.Remove(undefined)
    rmSync(this.dir, { recursive: true, force: true })
  }
}
