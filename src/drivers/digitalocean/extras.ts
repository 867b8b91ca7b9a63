/** What a droplet can be given once it is there. */
import { type Part, serverOf } from '../common/cloud/part.js'
import type { Resource } from '../../contracts/record.js'
import type { DigitalOceanAccount } from './account.js'
import type { ReservedIp } from './api-types.js'
import { readConfig } from './config.js'
import { projectId } from './lookups.js'

export const RESERVED_IP = 'reserved-ip'
const NEW = 'new'

/** A reserved address: one of the user's own is taken off again, a new one goes with the machine. */
export const reservedIpPart: Part<DigitalOceanAccount> = {
  kind: RESERVED_IP,
  text: 'reserved IP address',
  mayTwin: true,
  keys({ config }) {
    const { reservedIp } = readConfig(config)
    return reservedIp === '' ? [] : [reservedIp]
  },
  async find(account, { spec, key, made }, signal) {
    const server = serverOf(made['server'] ?? spec.resources)
    const asked = { path: '/reserved_ips', what: 'list the reserved addresses' }
    const all = await account.list<ReservedIp>('reserved_ips', asked, signal)
    const there = all.find(({ ip, droplet }) => {
      const isOurs = droplet !== null && String(droplet.id) === server?.id
      return isOurs && (key === NEW || ip === key)
    })
    return there && { id: there.ip }
  },
  async make(account, { key, made }, signal) {
    const droplet = Number(serverOf(made['server'] ?? [])?.id)
    if (key === NEW) {
      const body = { droplet_id: droplet }
      const call = { method: 'POST', path: '/reserved_ips', body, what: 'reserve an address' } as const
      return { id: (await account.api.call<{ reserved_ip: ReservedIp }>(call, signal)).reserved_ip.ip }
    }
    await reservedAction(account, key, { type: 'assign', droplet_id: droplet }, signal)
    return { id: key }
  },
  /** Another droplet may have got the address meanwhile: it is left alone then. */
  async remove(account, { id = '', key }, machine, signal) {
    const there = await reservedIp(account, id, signal)
    const holder = there?.droplet ? String(there.droplet.id) : undefined
    const isOurs = holder === serverOf(machine.resources)?.id
    if (!there || (holder !== undefined && !isOurs)) return
    if (key !== NEW)
      return holder === undefined
        ? undefined
        : await reservedAction(account, id, { type: 'unassign' }, signal)
    const path = `/reserved_ips/${encodeURIComponent(id)}`
    await account.ifThere(account.api.call({ method: 'DELETE', path, what: 'release the address' }, signal))
  },
}

async function reservedAction(
  account: DigitalOceanAccount,
  ip: string,
  body: { readonly type: string; readonly droplet_id?: number },
  signal: AbortSignal,
): Promise<void> {
  const call = {
    method: 'POST',
    path: `/reserved_ips/${encodeURIComponent(ip)}/actions`,
    body,
    what: `${body.type} ${ip}`,
  } as const
  await account.api.call(call, signal)
}

/** A reserved address, if the account has it. */
export async function reservedIp(
  account: DigitalOceanAccount,
  ip: string,
  signal: AbortSignal,
): Promise<ReservedIp | undefined> {
  const path = `/reserved_ips/${encodeURIComponent(ip)}`
  const what = 'look at the reserved address'
  const call = { method: 'GET', path, what, expects: 'reserved_ip' } as const
  return (await account.ifThere(account.api.call<{ reserved_ip: ReservedIp }>(call, signal)))?.reserved_ip
}

/** Membership in a project: nothing of its own, it ends with the droplet. */
export const projectPart: Part<DigitalOceanAccount> = {
  kind: 'project',
  text: 'entry in the project',
  idempotent: true,
  keys({ config }) {
    const { project } = readConfig(config)
    return project === '' ? [] : [project]
  },
  find: () => Promise.resolve(undefined),
  async make(account, { key, made }, signal) {
    const id = await projectId(account, key, signal)
    const resources = [`do:droplet:${serverOf(made['server'] ?? [])?.id}`]
    const path = `/projects/${encodeURIComponent(id)}/resources`
    await account.api.call({ method: 'POST', path, body: { resources }, what: 'add to the project' }, signal)
    return { id }
  },
  remove: () => Promise.resolve(),
}

/** The address that a reserved IP gives a machine. */
export function reservedAddress(resources: readonly Resource[]): string | undefined {
  return resources.find(({ kind, state }) => kind === RESERVED_IP && state === 'made')?.id
}
