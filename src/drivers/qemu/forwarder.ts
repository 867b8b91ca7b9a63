import type { PortForward } from '../../contracts/forwards.js'
import { messageOf } from '../../contracts/errors.js'
import { containerForwards, writeContainerForwards } from './forwards.js'
import { addForward, type HostForward, listForwards, removeForward } from './ports.js'
import type { QmpClient } from './qmp.js'

/** A port that a container publishes inside the guest. */
export interface Published {
  readonly container: string
  readonly protocol: string
  /** Address in the guest that it is bound to. */
  readonly address: string
  readonly port: number
}

type Row = PortForward

/**
 * Rows that published ports ask for: the same port on 127.0.0.1. One row per port, whatever addresses it is bound to.
 * A port bound to the guest's own loopback cannot be reached from outside of it.
 */
export function wantedRows(published: readonly Published[]): readonly Row[] {
  const rows = new Map<string, Row>()
  for (const { container, protocol, address, port } of published) {
    if (protocol !== 'tcp' && protocol !== 'udp') continue
    const row: Row = { protocol, guestPort: port, hostPort: port, source: 'container', container }
    const inside = address.startsWith('127.') || address === '::1'
    const known = rows.get(rowKey(row))
    if (!known || known.error !== undefined) rows.set(rowKey(row), inside ? { ...row, error: INSIDE } : row)
  }
  return [...rows.values()]
}

const INSIDE = 'it is published on 127.0.0.1 inside the machine only'

function rowKey(row: { protocol: string; hostPort: number }): string {
  return `${row.protocol} ${row.hostPort}`
}

/** Keeps a VM's host forwards equal to what its containers publish. Only forwards that it made are removed. */
export class PortForwarder {
  readonly #qmp: QmpClient
  readonly #statePath: string
  #rows: readonly Row[]

  /** Rows that an earlier forwarder of the same VM left are taken over. */
  constructor(qmp: QmpClient, statePath: string) {
    this.#qmp = qmp
    this.#statePath = statePath
    this.#rows = containerForwards({ forwards: statePath })
  }

  /** Whether a port could not be had: another try may go better. */
  get incomplete(): boolean {
    return this.#rows.some((row) => row.error !== undefined && row.error !== INSIDE)
  }

  /** Adds and removes forwards until they are what `published` asks for, and writes down how that went. */
  async apply(published: readonly Published[]): Promise<void> {
    const wanted = wantedRows(published)
    const there = await listForwards(this.#qmp)
    for (const old of this.#rows)
      if (old.error === undefined && !wanted.some((row) => rowKey(row) === rowKey(old)))
        await removeForward(this.#qmp, old)
    const rows: Row[] = []
    for (const row of wanted) {
      if (this.#isForeign(row, there)) continue
      rows.push(await this.#make(row, there))
    }
    if (JSON.stringify(rows) === JSON.stringify(this.#rows)) return
    this.#rows = rows
    await writeContainerForwards(this.#statePath, rows)
  }

  /** Someone added the same forward by hand: it is theirs to list and to keep. */
  #isForeign(row: Row, there: readonly HostForward[]): boolean {
    const ours = this.#rows.some((own) => own.error === undefined && rowKey(own) === rowKey(row))
    return !ours && there.some((have) => isSame(have, row))
  }

  async #make(row: Row, there: readonly HostForward[]): Promise<Row> {
    if (row.error !== undefined || there.some((have) => isSame(have, row))) return row
    try {
      await addForward(this.#qmp, row)
      return row
    } catch (error) {
      return { ...row, error: messageOf(error) }
    }
  }
}

function isSame(have: HostForward, row: Row): boolean {
  return have.protocol === row.protocol && have.hostPort === row.hostPort && have.guestPort === row.guestPort
}
