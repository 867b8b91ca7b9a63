import type { DriverAccount, FoundResource } from '../../contracts/driver.js'
import { FIREWALL } from '../common/cloud/part.js'
import { sharedName, STORE_TAG } from '../common/cloud/tags.js'
import type { Firewall, SshKey } from './api-types.js'
import { SSH_KEY } from './kinds.js'

const SHARED = /^tsmachine-([0-9a-f]{8})(-[0-9a-f]{8})?$/

/**
 * What bears our names besides droplets. Names hold the first 8 digits of a store's id. A reserved address has neither name
 * nor tags, so one that lost its droplet cannot be told from the user's own.
 */
export function foundOthers(
  { storeId }: DriverAccount,
  found: {
    readonly keys: readonly SshKey[]
    readonly firewalls: readonly Firewall[]
  },
): readonly FoundResource[] {
  const shared = (
    kind: string,
    items: readonly { id: number | string; name: string; created_at?: string }[],
  ) =>
    items.flatMap(({ id, name, created_at }): FoundResource[] => {
      const [, store8] = SHARED.exec(name) ?? []
      if (store8 === undefined) return []
      const tags = { [STORE_TAG]: sharedName(storeId) === `tsmachine-${store8}` ? storeId : store8 }
      const resource = { kind, key: name, id: String(id), tags, state: 'made' } as const
      return [
        { resource, name, shared: true, ...(created_at === undefined ? {} : { createdAt: created_at }) },
      ]
    })
  return [...shared(SSH_KEY, found.keys), ...shared(FIREWALL, found.firewalls)]
}
