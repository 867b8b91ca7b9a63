import type { AccessRules, MachineSpec } from '../../contracts/driver.js'
import type { JsonObject } from '../../contracts/json.js'
import { retry } from '../../util/wait.js'
import { isApiError } from '../common/api/errors.js'
import type { Firewalls } from '../common/cloud/access.js'
import { FIREWALL, type Part } from '../common/cloud/part.js'
import { firewallName } from '../common/cloud/tags.js'
import type { HetznerAccount } from './account.js'
import type { Named } from './api-types.js'
import { ENGINE_PORT, hasPublicAddress, readConfig } from './config.js'
import { sharedLabels } from './labels.js'
import { THING } from '../common/api/memory.js'

const KEPT_MS = 30_000
/** How long a firewall may still be in use after the last server has left it. */
const IN_USE_MS = 60_000
const ANYBODY = ['0.0.0.0/0', '::/0']

/** One firewall for all machines of the store that have the same rules. It holds for public addresses only. */
export const firewallPart: Part<HetznerAccount> = {
  kind: FIREWALL,
  text: 'firewall',
  shared: true,
  isUsedBy: ({ firewalls = [] }, { id }) => id !== undefined && firewalls.includes(id),
  keys: (spec) =>
    spec.access && hasPublicAddress(readConfig(spec.config)) ? [nameOf(spec, spec.access)] : [],

  async find(account, { key }, signal) {
    return await account.memory.once(memoryKey(key), KEPT_MS, signal, async (asking) => {
      const [found] = await account.api.list<Named>('firewalls', { name: key }, asking)
      return found && { id: String(found.id) }
    })
  },

  async make(account, { spec, key }, signal) {
    account.memory.forget(memoryKey(key))
    const rules = rulesOf(spec.access ?? { ssh: [], engine: [] }, readConfig(spec.config).sshPort)
    const body = { name: key, labels: sharedLabels(spec.machine.storeId), rules }
    const answer = await account.api.post<{ firewall: Named }>(
      '/firewalls',
      body,
      'make the firewall',
      signal,
    )
    return { id: String(answer.firewall.id) }
  },

  /** Servers that are being deleted still use it for a moment. */
  async remove(account, { id = '', key }, _machine, signal) {
    const path = `/firewalls/${encodeURIComponent(id)}`
    account.memory.forget(memoryKey(key))
    await retry(
      'the firewall to be free',
      async (limit) => await account.api.delete(path, 'delete the firewall', limit),
      {
        deadlineMs: IN_USE_MS,
        intervalMs: 500,
        maxIntervalMs: 5_000,
        isRetryable: (error) => isApiError(error) && error.providerCode === 'resource_in_use',
        signal,
        clock: account.clock,
      },
    )
  },
}

export const firewalls: Firewalls<HetznerAccount> = {
  part: firewallPart,
  async attach(account, serverId, { id }, signal) {
    if (id !== undefined) await account.memberships.apply(id, serverId, signal)
  },
  async detach(account, serverId, { id }, signal) {
    if (id !== undefined) await account.memberships.remove(id, serverId, signal)
  },
}

function memoryKey(name: string): string {
  return `${THING}${FIREWALL} ${name}`
}

function nameOf({ machine, config }: MachineSpec, access: AccessRules): string {
  const { sshPort } = readConfig(config)
  return firewallName(machine.storeId, access, sshPort === 22 ? [] : [`ssh ${sshPort}`])
}

/** What is not named is shut. Pings are answered: they tell a machine that is gone from one that is closed. */
function rulesOf({ ssh, engine }: AccessRules, sshPort: number): JsonObject[] {
  return [
    ...rule('SSH', 'tcp', ssh, sshPort),
    ...rule('Docker engine', 'tcp', engine, ENGINE_PORT),
    ...rule('ping', 'icmp', ANYBODY),
  ]
}

function rule(
  description: string,
  protocol: string,
  sources: readonly string[],
  port?: number,
): JsonObject[] {
  if (sources.length === 0) return []
  const base = { description, direction: 'in', protocol, source_ips: [...sources] }
  return [port === undefined ? base : { ...base, port: String(port) }]
}
