import { Standby } from '../../provision/standby.js'
import { withSudoPassword } from '../../provision/sudo-password.js'
import type { BootImageFiles } from '../contracts/driver.js'
import type { Facts } from '../contracts/provision.js'
import type { Report } from '../contracts/events.js'
import type { LedgerRecord } from '../contracts/record.js'
import type { Secret } from '../contracts/secrets.js'
import type { RemoteShell } from '../contracts/ssh.js'
import type { EngineAnswer } from '../engine/probe.js'
import { ConsoleWatch } from './console-watch.js'
import type { MachineContext } from './context.js'
import { updateLedger } from './driver-events.js'
import { guestParts } from './guest-parts.js'
import { driverMachine, type OpenMachine } from './open.js'
import type { StagedState } from './stages.js'

/** What the stages of `create` hand to each other. */
export class CreateState implements StagedState {
  shell: RemoteShell | undefined
  facts: Facts | undefined
  /** What will carry out the plan, waiting on the host. */
  standby: Standby | undefined
  /** What the engine said when it was waited for. */
  answer: EngineAnswer | undefined
  console: ConsoleWatch | undefined
  dockerContext: string | undefined
  /** What was told last of a stage's progress. */
  progress: string | undefined
  /** Restart an engine although it is in a swarm. */
  force = false
  readonly #beside: Promise<void>[] = []

  constructor(
    readonly ctx: MachineContext,
    public open: OpenMachine,
    readonly image: BootImageFiles | undefined,
  ) {}

  get name(): string {
    return this.open.name
  }

  get patience(): number {
    return this.open.driver.patience?.(this.open.machine) ?? 1
  }

  /** From now on commands give sudo this password. */
  become(password: Secret | undefined): void {
    if (this.shell && password) this.shell = withSudoPassword(this.shell, password)
  }

  /** Has the host ready for a plan, which is not known yet. */
  standBy(): void {
    if (this.shell) this.standby = new Standby(this.shell, this.ctx.signal)
  }

  /** Reads the record again after a driver has changed it. */
  async refresh(): Promise<void> {
    const record = this.ctx.store.get(this.name)
    const ledger = record.ledger ?? this.open.ledger
    const machine = await driverMachine(this.ctx, record, { ledger, secrets: this.open.secrets })
    this.open = { ...this.open, record, ledger, machine }
  }

  /** Changes the record and carries on with the changed one. */
  async update(change: (ledger: LedgerRecord) => LedgerRecord): Promise<void> {
    await updateLedger(this.ctx, this.name, this.open.factory, change)
    await this.refresh()
  }

  watchConsole(): ConsoleWatch {
    this.console ??= new ConsoleWatch(this.open.driver, this.open.machine, guestParts(this.ctx, this.name))
    return this.console
  }

  /** The same context, whose progress is noted: it is the evidence of a stage that does not come to its end. */
  noting(): MachineContext {
    const report: Report = (event) => {
      if (event.type === 'progress') this.progress = event.text
      this.ctx.report(event)
    }
    return { ...this.ctx, report }
  }

  /** Work that no stage waits for, and that does not fail; it has ended when `besides` says so. */
  beside(work: Promise<void>): void {
    this.#beside.push(work)
  }

  async besides(): Promise<void> {
    await Promise.all(this.#beside)
  }

  /** Ends connections and watches; the machine goes on without us. */
  close(): void {
    this.shell?.close()
    this.console?.close()
  }
}
