import type { JsonObject } from '../../../src/contracts/json.js'
import type { Handler } from '../cloud/double.js'
import { text } from '../cloud/http.js'
import { list } from './answers.js'
import { labelsOf } from './labels.js'
import { found, type PlacementGroup, type Project, uniqueName } from './state.js'
import { inUse } from './words.js'

export function placementGroupHandlers(project: Project): Record<string, Handler> {
  const all = project.placementGroups
  const form = (group: PlacementGroup): JsonObject => placementGroupJson(project, group)
  return {
    list_placement_groups: ({ query }) => list('placement_groups', all.values(), form, query),
    get_placement_group: ({ params }) => ({
      status: 200,
      body: { placement_group: form(found(all, params['id'], 'placement_group')) },
    }),
    create_placement_group: ({ body }) => {
      uniqueName(all.values(), text(body, 'name'), 'placement group name')
      const group = {
        ...project.named(text(body, 'name'), labelsOf(body['labels'])),
        type: 'spread',
      } as const
      all.set(group.id, group)
      return { status: 201, body: { placement_group: form(group), action: null } }
    },
    delete_placement_group: ({ params }) => {
      const { id } = found(all, params['id'], 'placement_group')
      if ([...project.servers.values()].some((server) => server.placementGroup === id))
        throw inUse(`placement group with ID ${id} is still in use`)
      all.delete(id)
      return { status: 204 }
    },
  }
}

export function placementGroupJson(project: Project, group: PlacementGroup): JsonObject {
  const { id, name, labels, created, type } = group
  const servers = [...project.servers.values()]
    .filter((one) => one.placementGroup === id)
    .map((one) => one.id)
  return { id, name, labels, created, type, servers }
}
