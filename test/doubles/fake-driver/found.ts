import type { FoundResource } from '../../../src/contracts/driver.js'
import type { Resource } from '../../../src/contracts/record.js'
import type { FakeServer, FakeThing } from './provider.js'

const PRICE = { amount: 4, currency: 'EUR' }

/** A server with its address as the record keeps it. */
export function madeServer(server: Resource, made: FakeServer): Resource {
  return { ...server, id: made.id, state: 'made', attributes: { address: made.address } }
}

export function foundServer(server: FakeServer): FoundResource {
  const { id, name, tags, createdAt, state, firewall } = server
  const key = `tsmachine-${(tags['tsmachine-id'] ?? '').slice(0, 8)}`
  const resource = madeServer({ kind: 'server', key, tags, state: 'made' }, server)
  return {
    resource: { ...resource, id },
    name,
    createdAt,
    state,
    monthlyPrice: PRICE,
    uses: firewall ? [firewall] : [],
  }
}

export function foundThing(kind: string, { name, tags, createdAt }: FakeThing): FoundResource {
  return { resource: { kind, key: name, id: name, tags, state: 'made' }, name, createdAt }
}
