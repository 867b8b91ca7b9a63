import { isIP } from 'node:net'
import type { Json, JsonObject } from '../../../src/contracts/json.js'
import type { Handler } from '../cloud/double.js'
import { Refusal, text } from '../cloud/http.js'
import { acted, actionJson, list } from './answers.js'
import { applyFirewalls, isAppliedTo } from './firewall-rules.js'
import { labelsOf } from './labels.js'
import { type Action, type Firewall, found, type Project, type Rule, uniqueName } from './state.js'
import { inUse, invalid } from './words.js'

interface Target {
  readonly type: 'server' | 'label_selector'
  readonly server?: { readonly id: number }
  readonly label_selector?: { readonly selector: string }
}

const MOST_RULES = 50

export function firewallHandlers(project: Project): Record<string, Handler> {
  const all = project.firewalls
  const at = (params: Readonly<Record<string, string>>): Firewall => found(all, params['id'], 'firewall')
  const form = (firewall: Firewall): JsonObject => firewallJson(project, firewall)
  return {
    list_firewalls: ({ query }) => list('firewalls', all.values(), form, query),
    get_firewall: ({ params }) => ({ status: 200, body: { firewall: form(at(params)) } }),
    create_firewall: ({ body }) => create(project, body),
    update_firewall: ({ params, body }) => {
      const firewall = at(params)
      if (body['name'] !== undefined) {
        uniqueName(all.values(), text(body, 'name'), 'firewall name', firewall)
        firewall.name = text(body, 'name')
      }
      if (body['labels'] !== undefined) firewall.labels = labelsOf(body['labels'])
      return { status: 200, body: { firewall: form(firewall) } }
    },
    delete_firewall: ({ params }) => {
      const { id, servers, selectors } = at(params)
      if (servers.size + selectors.size > 0) throw inUse(`firewall with ID ${id} is still in use`)
      all.delete(id)
      return { status: 204 }
    },
    set_firewall_rules: ({ params, body }) => {
      const firewall = at(params)
      firewall.rules = rulesOf(body['rules'])
      applyFirewalls(project)
      return actions([project.brief('set_firewall_rules', { id: firewall.id, type: 'firewall' })])
    },
    apply_firewall_to_resources: ({ params, body }) => {
      const firewall = at(params)
      return actions(apply(project, firewall, targetsOf(body['apply_to'])))
    },
    remove_firewall_from_resources: ({ params, body }) => {
      const firewall = at(params)
      return actions(takeFrom(project, firewall, targetsOf(body['remove_from'])))
    },
  }
}

function actions(done: readonly Action[]): ReturnType<typeof acted> {
  return { status: 201, body: { actions: done.map(actionJson) } }
}

const targetsOf = (value: Json | undefined): readonly Target[] =>
  (value ?? []) as unknown as readonly Target[]

function create(project: Project, body: JsonObject): ReturnType<Handler> {
  const name = text(body, 'name')
  if (name === '' || name.length > 128) throw invalid('name', 'must be between 1 and 128 characters')
  uniqueName(project.firewalls.values(), name, 'firewall name')
  const firewall: Firewall = {
    ...project.named(name, labelsOf(body['labels'])),
    ...{ rules: rulesOf(body['rules']), servers: new Set<number>(), selectors: new Set<string>() },
  }
  const targets = targetsOf(body['apply_to'])
  for (const { server } of targets) if (server) project.server(server.id)
  project.firewalls.set(firewall.id, firewall)
  const at = { id: firewall.id, type: 'firewall' }
  const done = [project.brief('set_firewall_rules', at), ...apply(project, firewall, targets)]
  return { status: 201, body: { firewall: firewallJson(project, firewall), actions: done.map(actionJson) } }
}

function apply(project: Project, firewall: Firewall, targets: readonly Target[]): readonly Action[] {
  for (const { server, label_selector } of targets) {
    const known = server
      ? firewall.servers.has(server.id)
      : firewall.selectors.has(label_selector?.selector ?? '')
    if (known) throw new Refusal(422, 'firewall_already_applied', 'firewall was already applied on resource')
    if (server) firewall.servers.add(project.server(server.id).id)
    if (label_selector) firewall.selectors.add(label_selector.selector)
  }
  return changed(project, firewall, 'apply_firewall', targets)
}

function takeFrom(project: Project, firewall: Firewall, targets: readonly Target[]): readonly Action[] {
  for (const { server, label_selector } of targets) {
    const had = server
      ? firewall.servers.delete(server.id)
      : firewall.selectors.delete(label_selector?.selector ?? '')
    if (!had) throw new Refusal(422, 'firewall_already_removed', 'firewall was already removed from resource')
  }
  return changed(project, firewall, 'remove_firewall', targets)
}

function changed(
  project: Project,
  { id }: Firewall,
  command: string,
  targets: readonly Target[],
): readonly Action[] {
  applyFirewalls(project)
  const at = { id, type: 'firewall' }
  return targets.map(({ server }) =>
    project.brief(command, ...(server ? [{ id: server.id, type: 'server' }] : []), at),
  )
}

function rulesOf(value: Json | undefined): readonly Rule[] {
  const rules = (value ?? []) as unknown as readonly Rule[]
  if (rules.length > MOST_RULES) throw invalid('rules', `at most ${MOST_RULES} rules`)
  for (const { direction, protocol, port, source_ips = [], destination_ips = [] } of rules) {
    const addresses = direction === 'in' ? source_ips : destination_ips
    if (addresses.length === 0) throw invalid('rules', `a rule of direction ${direction} needs addresses`)
    for (const address of addresses) checkCidr(address)
    if (['tcp', 'udp'].includes(protocol) && !/^(any|\d{1,5}(-\d{1,5})?)$/.test(port ?? ''))
      throw invalid('rules', `port is required for protocol ${protocol}`)
  }
  return rules
}

/** Addresses come as networks, whose own address is the first. */
function checkCidr(cidr: string): void {
  const [net = '', bits] = cidr.split('/')
  if (isIP(net) === 0 || !/^\d{1,3}$/.test(bits ?? ''))
    throw invalid('rules', `${cidr} is not in CIDR notation`)
}

function firewallJson(project: Project, firewall: Firewall): JsonObject {
  const { id, name, labels, created, rules, servers, selectors } = firewall
  const server = (one: number): JsonObject => ({ type: 'server', server: { id: one } })
  const matched = (selector: string): Json =>
    [...project.servers.values()]
      .filter((one) => isAppliedTo({ ...firewall, servers: new Set(), selectors: new Set([selector]) }, one))
      .map((one) => server(one.id))
  return {
    ...{ id, name, labels, created },
    rules: rules.map(ruleJson),
    applied_to: [
      ...[...servers].map(server),
      ...[...selectors].map((selector) => ({
        ...{ type: 'label_selector', label_selector: { selector }, applied_to_resources: matched(selector) },
      })),
    ],
  }
}

function ruleJson({ direction, protocol, port, source_ips, destination_ips, description }: Rule): JsonObject {
  return {
    ...{ direction, protocol, port: port ?? null, description: description ?? null },
    ...{ source_ips: source_ips ?? [], destination_ips: destination_ips ?? [] },
  }
}
