import type { DriverEvent, DriverFactory } from '../contracts/driver.js'
import type { LedgerRecord, Resource } from '../contracts/record.js'
import type { MachineContext } from './context.js'

/** A change of the ledger that events of a driver stand for; undefined for events that are only talk. */
export function applyEvent(
  resources: readonly Resource[],
  event: DriverEvent,
): readonly Resource[] | undefined {
  switch (event.type) {
    case 'intent':
    case 'made':
      return [...resources.filter((resource) => !same(resource, event.resource)), event.resource]
    case 'removed':
      return resources.filter((resource) => !same(resource, event))
    case 'state':
    case 'log':
    case 'progress':
      return undefined
  }
}

function same(a: { kind: string; key: string }, b: { kind: string; key: string }): boolean {
  return a.kind === b.kind && a.key === b.key
}

/**
 * Writes each thing that a driver makes or removes to the record before the driver goes on, so that a crash at any
 * instant leaves a record that names everything.
 */
export async function recordEvents(
  ctx: MachineContext,
  name: string,
  factory: DriverFactory,
  events: AsyncIterable<DriverEvent>,
): Promise<void> {
  for await (const event of events) {
    tellPart(ctx, name, event)
    if (tell(ctx, name, event)) continue
    const state = event.type === 'state' ? event.state : undefined
    await ctx.store.update(name, factory.record, (ledger) => withEvent(ledger, event), state)
  }
}

/** The same for a record that cannot be written. */
export async function reportEvents(
  ctx: MachineContext,
  name: string,
  events: AsyncIterable<DriverEvent>,
): Promise<void> {
  for await (const event of events) tell(ctx, name, event)
}

/** Passes on what is only talk; false for what belongs into the record. */
function tell(ctx: MachineContext, name: string, event: DriverEvent): boolean {
  if (event.type === 'log')
    ctx.report({ type: event.level, machine: name, text: event.text, source: 'driver' })
  else if (event.type === 'progress') ctx.report({ ...event, machine: name })
  else return false
  return true
}

/** Each thing that a driver makes is a part of the stage that waits for it. */
function tellPart({ report }: MachineContext, machine: string, event: DriverEvent): void {
  if (event.type !== 'intent' && event.type !== 'made') return
  const state = event.type === 'intent' ? 'start' : 'done'
  report({ type: 'part', machine, text: event.resource.kind, state })
}

function withEvent(ledger: LedgerRecord, event: DriverEvent): LedgerRecord {
  if (event.type === 'state') return event.login ? { ...ledger, ssh: event.login } : ledger
  return { ...ledger, resources: applyEvent(ledger.resources, event) ?? ledger.resources }
}

/** Changes the ledger and lets the store write its projection, `config.json`. */
export async function updateLedger(
  ctx: MachineContext,
  name: string,
  factory: DriverFactory,
  change: (ledger: LedgerRecord) => LedgerRecord,
): Promise<LedgerRecord> {
  const record = await ctx.store.update(name, factory.record, change)
  return record.ledger
}
