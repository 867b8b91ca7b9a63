import type { JsonObject, MachineSpec } from '../../contracts/driver.js'
import { FIREWALL, type Found, type MadeParts, type Part, SERVER } from '../common/cloud/part.js'
import { ID_TAG, isOf, STORE_TAG } from '../common/cloud/tags.js'
import { addressAttributes } from '../common/cloud/account.js'
import type { DigitalOceanAccount } from './account.js'
import type { Droplet } from './api-types.js'
import { readConfig } from './config.js'
import { attachments, imageWord } from './lookups.js'
import { SSH_KEY } from './kinds.js'
import { machineTag, ownTags } from './tags.js'

/** The droplet. Names need not be unique at DigitalOcean: it is found by its tag. */
export const dropletPart: Part<DigitalOceanAccount> = {
  kind: SERVER,
  text: 'Digital Ocean droplet',
  mayTwin: true,
  keys: ({ machine }) => [machine.name],
  async find(account, { spec }, signal) {
    const servers = await account.listServers(signal)
    const there = servers.find(({ tags }) => isOf(tags, spec.machine))
    return there && { ...foundDroplet(there.id, spec), attributes: addressAttributes(there.addresses) }
  },
  async make(account, { spec, made }, signal) {
    const body = await dropletBody(account, spec, made, signal)
    const path = '/droplets'
    const call = { method: 'POST', path, body, what: 'make the droplet', expects: 'droplet' } as const
    const { droplet } = await account.api.call<{ droplet: Droplet }>(call, signal)
    account.born(String(droplet.id))
    return foundDroplet(String(droplet.id), spec)
  },
  /** Its own tag goes last: until then it is found. A droplet that is gone already may have left it. */
  async remove(account, { id = '', tags = {} }, _machine, signal) {
    account.gone(id)
    const own = isOurs(tags) ? [machineTag(tags)] : []
    const droplets = await dropletsOf(account, id, own, signal)
    const labels = droplets.flatMap((droplet) => ownTags(droplet.tags).filter((tag) => !own.includes(tag)))
    await account.deleteTags([...new Set(labels)], signal)
    for (const droplet of droplets) await destroy(account, droplet, signal)
    await account.deleteTags(own, signal)
  },
}

/** The droplet, and any other with its machine's tag: what a request made whose answer never came. */
async function dropletsOf(
  account: DigitalOceanAccount,
  id: string,
  own: readonly string[],
  signal: AbortSignal,
): Promise<readonly Droplet[]> {
  const [tag] = own
  const query = tag === undefined ? undefined : { tag_name: tag }
  const asked = { path: '/droplets', what: 'look for the droplet' }
  const tagged = query ? await account.list<Droplet>('droplets', { ...asked, query }, signal) : []
  if (tagged.some((droplet) => String(droplet.id) === id)) return tagged
  const named = await account.droplet(id, signal)
  return named ? [...tagged, named] : tagged
}

async function destroy(account: DigitalOceanAccount, { id }: Droplet, signal: AbortSignal): Promise<void> {
  const call = { method: 'DELETE', path: `/droplets/${id}`, what: 'delete the droplet' } as const
  await account.ifThere(account.api.call(call, signal))
}

function isOurs(tags: Readonly<Record<string, string>>): boolean {
  return tags[STORE_TAG] !== undefined && tags[ID_TAG] !== undefined
}

function foundDroplet(id: string, { config }: MachineSpec): Found {
  return { id, region: readConfig(config).region }
}

async function dropletBody(
  account: DigitalOceanAccount,
  spec: MachineSpec,
  made: MadeParts,
  signal: AbortSignal,
): Promise<JsonObject> {
  const config = readConfig(spec.config)
  const ids = (made[SSH_KEY] ?? []).map((key) => Number(key.id))
  const keys = config.sshKeyFingerprint === '' ? ids : [config.sshKeyFingerprint]
  const { volumes } = await attachments(account, config, signal)
  const firewallTags = (made[FIREWALL] ?? []).map(({ key }) => key)
  return {
    name: spec.machine.name,
    region: config.region,
    size: config.size,
    image: await imageWord(account, config.image, signal),
    ssh_keys: keys,
    backups: config.backups,
    ipv6: config.ipv6,
    monitoring: config.monitoring,
    tags: [machineTag(spec.tags), ...firewallTags, ...config.tags],
    ...(config.vpc === '' ? {} : { vpc_uuid: config.vpc }),
    ...(volumes.length === 0 ? {} : { volumes: volumes.map(({ id }) => id) }),
    ...(spec.seed === undefined ? {} : { user_data: spec.seed.userData }),
  }
}
