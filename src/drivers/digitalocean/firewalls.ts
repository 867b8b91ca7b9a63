import type { AccessRules, JsonObject } from '../../contracts/driver.js'
import type { Firewalls } from '../common/cloud/access.js'
import { FIREWALL, type Part } from '../common/cloud/part.js'
import { firewallName } from '../common/cloud/tags.js'
import type { DigitalOceanAccount } from './account.js'
import type { Firewall } from './api-types.js'
import { ENGINE_PORT, readConfig } from './config.js'

const ANYWHERE = ['0.0.0.0/0', '::/0']

/**
 * Firewalls, one for all machines of a store that have the same rules. Each holds for the droplets that bear its name as a
 * tag: a firewall takes ten droplets by id, but any number by tag.
 */
const part: Part<DigitalOceanAccount> = {
  kind: FIREWALL,
  text: 'firewall',
  shared: true,
  isUsedBy: (server, { key }) => server.firewalls?.includes(key) ?? false,
  keys: ({ access, config, machine }) =>
    access === undefined
      ? []
      : [firewallName(machine.storeId, access, [`ssh-port ${readConfig(config).sshPort}`])],
  async find(account, { key }, signal) {
    const asked = { path: '/firewalls', what: 'list the firewalls' }
    const firewalls = await account.list<Firewall>('firewalls', asked, signal)
    const there = firewalls.find(({ name }) => name === key)
    return there && { id: there.id }
  },
  async make(account, { key, spec }, signal) {
    await account.makeTag(key, signal)
    const body = firewallBody(key, spec.access ?? NOBODY, readConfig(spec.config).sshPort)
    const call = { method: 'POST', path: '/firewalls', body, what: 'make the firewall' } as const
    return { id: (await account.api.call<{ firewall: Firewall }>(call, signal)).firewall.id }
  },
  cleanUp: (account, { key }, signal) => account.deleteTags([key], signal),
  async remove(account, { id = '', key }, _machine, signal) {
    const path = `/firewalls/${encodeURIComponent(id)}`
    const call = { method: 'DELETE', path, what: 'delete the firewall' } as const
    await account.ifThere(account.api.call(call, signal))
    await account.deleteTags([key], signal)
  },
}

const NOBODY: AccessRules = { ssh: [], engine: [] }

export const firewalls: Firewalls<DigitalOceanAccount> = {
  part,
  attach: (account, id, firewall, signal) => account.protect(id, firewall, signal),
  detach: (account, id, { key }, signal) => account.untag(key, id, signal),
}

function firewallBody(name: string, access: AccessRules, sshPort: number): JsonObject {
  const open = [
    { port: sshPort, addresses: access.ssh },
    { port: ENGINE_PORT, addresses: access.engine },
  ]
  const inbound = open
    .filter(({ addresses }) => addresses.length > 0)
    .map(({ port, addresses }) => ({
      protocol: 'tcp',
      ports: String(port),
      sources: { addresses: [...addresses] },
    }))
  const outbound = ['tcp', 'udp', 'icmp'].map((protocol) => ({
    protocol,
    ports: protocol === 'icmp' ? '0' : 'all',
    destinations: { addresses: ANYWHERE },
  }))
  return { name, tags: [name], inbound_rules: inbound, outbound_rules: outbound }
}
