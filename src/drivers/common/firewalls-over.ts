import type { FoundResource } from '../../contracts/driver.js'

/** Firewalls add up: those of the lost store must be known, so that the server leaves them when it gets ours. */
export function firewallsOver(
  { uses = [] }: FoundResource,
  inventory: readonly FoundResource[],
): readonly FoundResource[] {
  return inventory
    .filter(({ shared, resource: { key, id = key } }) => {
      // What bears another name the user has chosen.
      return shared === true && key.startsWith('tsmachine-') && (uses.includes(id) || uses.includes(key))
    })
    .map((found) => {
      const { tags: _whose, ...resource } = found.resource
      return { ...found, resource }
    })
}
