import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import type { Json, JsonObject } from '../../../src/contracts/json.js'
import type { Handler } from '../cloud/double.js'
import { list } from './answers.js'
import { applyFirewalls, firewallsOf } from './firewall-rules.js'
import { type Account, type Firewall, type FirewallRule, found } from './state.js'
import { conflict, unprocessable } from './words.js'

/** What the provider lets one firewall have; more droplets are reached through a tag. */
const MOST = { droplets: 10, tags: 5, rules: 50 } as const

interface FirewallRequest {
  readonly name?: string
  readonly inbound_rules?: readonly FirewallRule[] | null
  readonly outbound_rules?: readonly FirewallRule[] | null
  readonly droplet_ids?: readonly number[] | null
  readonly tags?: readonly string[] | null
}

export function firewallHandlers(account: Account): Record<string, Handler> {
  const at = (params: Readonly<Record<string, string>>): Firewall =>
    found(account.firewalls.get(params['firewall_id'] ?? ''))
  const changed = (firewall: Firewall, change: FirewallRequest): { status: number } => {
    set(account, firewall, { ...requestOf(firewall), ...change })
    return { status: 204 }
  }
  return {
    firewalls_list: ({ query, path }) =>
      list('firewalls', [...account.firewalls.values()], firewallJson, query, path),
    firewalls_get: ({ params }) => ({ status: 200, body: { firewall: firewallJson(at(params)) } }),
    firewalls_create: ({ body }) => create(account, body),
    firewalls_update: ({ params, body }) => {
      const firewall = at(params)
      set(account, firewall, body)
      return { status: 200, body: { firewall: firewallJson(firewall) } }
    },
    firewalls_delete: ({ params }) => {
      account.firewalls.delete(at(params).id)
      applyFirewalls(account)
      return { status: 204 }
    },
    firewalls_assign_droplets: ({ params, body }) => {
      const firewall = at(params)
      return changed(firewall, { droplet_ids: [...firewall.droplets, ...ids(body)] })
    },
    firewalls_delete_droplets: ({ params, body }) => {
      const firewall = at(params)
      const gone = new Set(ids(body))
      return changed(firewall, { droplet_ids: [...firewall.droplets].filter((id) => !gone.has(id)) })
    },
    firewalls_add_tags: ({ params, body }) => {
      const firewall = at(params)
      return changed(firewall, { tags: [...firewall.tags, ...names(body)] })
    },
    firewalls_delete_tags: ({ params, body }) => {
      const firewall = at(params)
      const gone = new Set(names(body))
      return changed(firewall, { tags: [...firewall.tags].filter((tag) => !gone.has(tag)) })
    },
    firewalls_add_rules: ({ params, body }) => {
      const firewall = at(params)
      const added = body as unknown as FirewallRequest
      return changed(firewall, {
        inbound_rules: [...firewall.inbound, ...(added.inbound_rules ?? [])],
        outbound_rules: [...firewall.outbound, ...(added.outbound_rules ?? [])],
      })
    },
    firewalls_delete_rules: ({ params, body }) => {
      const firewall = at(params)
      const gone = body as unknown as FirewallRequest
      return changed(firewall, {
        inbound_rules: without(firewall.inbound, gone.inbound_rules ?? []),
        outbound_rules: without(firewall.outbound, gone.outbound_rules ?? []),
      })
    },
    droplets_list_firewalls: ({ params, query, path }) =>
      list(
        'firewalls',
        firewallsOf(account, account.droplet(params['droplet_id'] ?? '')),
        firewallJson,
        query,
        path,
      ),
  }
}

const ids = (body: JsonObject): readonly number[] => (body['droplet_ids'] ?? []) as readonly number[]
const names = (body: JsonObject): readonly string[] => (body['tags'] ?? []) as readonly string[]

function without(rules: readonly FirewallRule[], gone: readonly FirewallRule[]): readonly FirewallRule[] {
  const texts = new Set(gone.map((rule) => JSON.stringify(ruleJson(rule))))
  return rules.filter((rule) => !texts.has(JSON.stringify(ruleJson(rule))))
}

function create(account: Account, request: FirewallRequest): ReturnType<Handler> {
  const firewall: Firewall = {
    ...{ id: randomUUID(), name: '', created_at: account.timeline.now(), status: 'waiting' },
    ...{ inbound: [], outbound: [], droplets: new Set<number>(), tags: new Set<string>() },
  }
  set(account, firewall, request)
  return { status: 202, body: { firewall: firewallJson(firewall) } }
}

/** Replaces all that a firewall says: what a request leaves out is gone. */
function set(account: Account, firewall: Firewall, request: FirewallRequest): void {
  check(account, firewall, request)
  firewall.name = request.name ?? firewall.name
  firewall.inbound = request.inbound_rules ?? []
  firewall.outbound = request.outbound_rules ?? []
  firewall.droplets = new Set(request.droplet_ids ?? [])
  firewall.tags = new Set(request.tags ?? [])
  firewall.status = 'waiting'
  account.firewalls.set(firewall.id, firewall)
  applyFirewalls(account)
  account.timeline.after(account.times.power, () => (firewall.status = 'succeeded'))
}

function check(account: Account, { id }: Firewall, request: FirewallRequest): void {
  const { name, inbound_rules, outbound_rules, droplet_ids, tags } = request
  const rules = [...(inbound_rules ?? []), ...(outbound_rules ?? [])]
  if ([...account.firewalls.values()].some((other) => other.id !== id && other.name === name))
    throw conflict('duplicate name')
  if (rules.length === 0) throw unprocessable('must have at least one rule')
  if (rules.length > MOST.rules) throw unprocessable(`must have at most ${MOST.rules} rules`)
  if ((droplet_ids?.length ?? 0) > MOST.droplets)
    throw unprocessable(`must have at most ${MOST.droplets} droplet_ids`)
  if ((tags?.length ?? 0) > MOST.tags) throw unprocessable(`must have at most ${MOST.tags} tags`)
  for (const tag of tags ?? []) if (!account.tags.has(tag)) throw unprocessable(`tag ${tag} does not exist`)
  for (const droplet of droplet_ids ?? [])
    if (!account.droplets.has(droplet)) throw unprocessable(`droplet ${droplet} does not exist`)
  for (const rule of rules) checkRule(rule)
}

function checkRule({ protocol, ports, sources, destinations }: FirewallRule): void {
  if (protocol !== 'icmp' && !/^(0|all|\d{1,5}(-\d{1,5})?)$/.test(ports)) throw unprocessable('invalid ports')
  const target = sources ?? destinations ?? {}
  for (const address of target.addresses ?? []) {
    const [net = '', bits = ''] = address.split('/')
    if (isIP(net) === 0 || !/^\d{0,3}$/.test(bits)) throw unprocessable('invalid address')
  }
}

function requestOf({ name, inbound, outbound, droplets, tags }: Firewall): FirewallRequest {
  return {
    ...{ name, inbound_rules: inbound, outbound_rules: outbound },
    ...{ droplet_ids: [...droplets], tags: [...tags] },
  }
}

function ruleJson(rule: FirewallRule): Json {
  // The provider calls all ports 0.
  return { ...rule, ports: rule.ports === 'all' ? '0' : rule.ports } as unknown as Json
}

function firewallJson(firewall: Firewall): JsonObject {
  const { id, name, status, created_at, inbound, outbound, droplets, tags } = firewall
  return {
    ...{ id, name, status, created_at },
    inbound_rules: inbound.map(ruleJson),
    outbound_rules: outbound.map(ruleJson),
    droplet_ids: [...droplets],
    tags: [...tags],
    pending_changes: [...droplets].map((droplet) => ({ droplet_id: droplet, removing: false, status })),
  }
}
