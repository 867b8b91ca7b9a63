import { isApiError } from '../common/api/errors.js'
import type { Part } from '../common/cloud/part.js'
import { sharedName, STORE_TAG } from '../common/cloud/tags.js'
import type { HetznerAccount } from './account.js'
import type { PlacementGroup } from './api-types.js'
import { isId } from './catalog.js'
import { readConfig } from './config.js'
import { GROUP } from './kinds.js'
import { sharedLabels, tagsOf } from './labels.js'

/** The group that keeps a store's machines on different hosts, or one that the user has named. Both are made on demand. */
export const groups: Part<HetznerAccount> = {
  kind: GROUP,
  text: 'placement group',
  shared: true,
  // Servers do not tell us their group; one that is still in use says so itself.
  isUsedBy: () => false,
  keys({ config, machine }) {
    const { placementGroup, autoSpread } = readConfig(config)
    if (autoSpread) return [sharedName(machine.storeId, 'spread')]
    return placementGroup === '' || isId(placementGroup) ? [] : [placementGroup]
  },

  async find(account, { spec, key }, signal) {
    const found = await account.catalog.thing<PlacementGroup>('placement_groups', key, signal)
    if (!found) return undefined
    const ours = tagsOf(found.labels)[STORE_TAG] === spec.machine.storeId
    return { id: String(found.id), ...(ours ? {} : { attributes: { foreign: true } }) }
  },

  async make(account, { spec, key }, signal) {
    account.memory.forgetThings()
    const body = { name: key, type: 'spread', labels: sharedLabels(spec.machine.storeId) }
    const what = 'make the placement group'
    type Answer = { placement_group: PlacementGroup }
    const answer = await account.api.post<Answer>('/placement_groups', body, what, signal)
    return { id: String(answer.placement_group.id) }
  },

  async remove(account, { id = '', attributes }, _machine, signal) {
    if (attributes?.['foreign'] === true) return
    account.memory.forgetThings()
    try {
      const path = `/placement_groups/${encodeURIComponent(id)}`
      await account.api.delete(path, 'delete the placement group', signal)
    } catch (error) {
      if (!isApiError(error) || error.providerCode !== 'resource_in_use') throw error
    }
  },
}
