/**
 * Our tags in DigitalOcean's form: plain words of letters, digits, `:`, `-` and `_`. One word tells store and machine; a
 * firewall holds for all droplets that bear its name as a tag.
 */
import { ID_TAG, STORE_TAG } from '../common/cloud/tags.js'

const MACHINE = /^tsmachine:([0-9a-f]{32}):([0-9a-f]{32})$/
const FIREWALL = /^tsmachine-[0-9a-f]{8}-[0-9a-f]{8}$/
const LABEL = /^(tsmachine-[a-z]+):(.+)$/

/** The tag of a machine and its store. */
export function machineTag(tags: Readonly<Record<string, string>>): string {
  return `tsmachine:${tags[STORE_TAG] ?? ''}:${tags[ID_TAG] ?? ''}`
}

/** Tags in DigitalOcean's form: store and machine in one, every other by itself. Machine names may hold dots, tags not. */
export function tagWords(tags: Readonly<Record<string, string>>): readonly string[] {
  const labels = Object.entries(tags).filter(([key]) => key !== STORE_TAG && key !== ID_TAG)
  return [machineTag(tags), ...labels.map(([key, value]) => `${key}:${value.replaceAll('.', '_')}`)]
}

/** Tags in our form; empty for a droplet that is not ours. */
export function readTags(words: readonly string[]): Record<string, string> {
  const [, store, id] = words.map((word) => MACHINE.exec(word)).find((found) => found !== null) ?? []
  if (store === undefined || id === undefined) return {}
  const labels = words.flatMap((word) => {
    const [, key, value] = LABEL.exec(word) ?? []
    return key === undefined || value === undefined ? [] : [[key, value.replaceAll('_', '.')] as const]
  })
  return { [STORE_TAG]: store, [ID_TAG]: id, ...Object.fromEntries(labels) }
}

export function firewallsOf(words: readonly string[]): readonly string[] {
  return words.filter((word) => FIREWALL.test(word))
}

/** Tags that only this droplet has: they go with it. */
export function ownTags(words: readonly string[]): readonly string[] {
  return words.filter((word) => MACHINE.test(word) || LABEL.test(word))
}
