import type { AccessRules, DriverEvent, DriverMachine, MachineSpec } from '../../../contracts/driver.js'
import { MachineError } from '../../../contracts/errors.js'
import type { Resource } from '../../../contracts/record.js'
import type { CloudAccount } from './account.js'
import { makePart } from './make.js'
import { FIREWALL, type Part, serverOf } from './part.js'
import { releaseShared } from './shared.js'

/** Firewalls of a provider: a shared part, and how a server comes under one and leaves it. Both are idempotent. */
export interface Firewalls<A extends CloudAccount> {
  readonly part: Part<A>
  attach(account: A, serverId: string, firewall: Resource, signal: AbortSignal): Promise<void>
  detach(account: A, serverId: string, firewall: Resource, signal: AbortSignal): Promise<void>
}

/** Moves a server under the firewall of these rules. The old one is left only after that: it is never without one. */
export async function* moveAccess<A extends CloudAccount>(
  account: A,
  firewalls: Firewalls<A>,
  machine: DriverMachine,
  access: AccessRules,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  const server = serverOf(machine.resources)
  if (server?.id === undefined)
    throw new MachineError('driver', `"${machine.name}" has no server yet`, { machine: machine.name })
  const wanted = yield* makePart(account, firewalls.part, accessSpec(machine, access, server), {}, signal)
  const keep = new Set(wanted.map(({ key }) => key))
  for (const firewall of wanted) await firewalls.attach(account, server.id, firewall, signal)
  const old = machine.resources.filter(({ kind, key }) => kind === FIREWALL && !keep.has(key))
  for (const firewall of old) {
    await firewalls.detach(account, server.id, firewall, signal)
    await releaseShared(account, firewalls.part, machine, firewall, signal)
    yield { type: 'removed', kind: firewall.kind, key: firewall.key }
  }
}

function accessSpec(machine: DriverMachine, access: AccessRules, server: Resource): MachineSpec {
  const { config, resources, ...identity } = machine
  return { machine: identity, config, resources, sshUser: '', tags: server.tags ?? {}, access }
}
