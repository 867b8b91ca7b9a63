import type { HetznerApi } from './api.js'
import type { Image, Location, Named, PrimaryIp, ServerType } from './api-types.js'
import { type Memory, THING } from '../common/api/memory.js'

const CATALOG_MS = 600_000
const THING_MS = 30_000

/** What Hetzner offers, and what the project has already, by id or name. */
export class Catalog {
  constructor(
    private readonly api: HetznerApi,
    private readonly memory: Memory,
  ) {}

  async serverTypes(signal: AbortSignal): Promise<readonly ServerType[]> {
    return await this.#all('server_types', {}, CATALOG_MS, signal)
  }

  async locations(signal: AbortSignal): Promise<readonly Location[]> {
    return await this.#all('locations', {}, CATALOG_MS, signal)
  }

  /** Images of this name: one of each architecture. */
  async imagesNamed(name: string, signal: AbortSignal): Promise<readonly Image[]> {
    return await this.#all('images', { name, include_deprecated: true }, CATALOG_MS, signal)
  }

  async image(id: string, signal: AbortSignal): Promise<Image | undefined> {
    return await this.memory.once(`image ${id}`, CATALOG_MS, signal, async (asking) => {
      const path = `/images/${encodeURIComponent(id)}`
      return (await this.api.get<{ image: Image }>(path, 'look at the image', 'image', asking))?.image
    })
  }

  /** Names to choose from where one was mistyped. */
  async systemImages(signal: AbortSignal): Promise<readonly Image[]> {
    return await this.#all('images', { type: 'system', status: 'available' }, CATALOG_MS, signal)
  }

  /** A thing of the project by id or name: `networks`, `volumes`, `firewalls`. */
  async thing<T extends Named>(field: string, idOrName: string, signal: AbortSignal): Promise<T | undefined> {
    return await this.memory.once(`${THING}${field} ${idOrName}`, THING_MS, signal, async (asking) => {
      if (!isId(idOrName)) return (await this.api.list<T>(field, { name: idOrName }, asking))[0]
      const singular = field.replace(/s$/, '')
      const answer = await this.api.get<Record<string, T>>(
        `/${field}/${idOrName}`,
        `look at the ${singular.replaceAll('_', ' ')}`,
        singular,
        asking,
      )
      return answer?.[singular]
    })
  }

  /** A primary IP by address, id or name. */
  async primaryIp(text: string, signal: AbortSignal): Promise<PrimaryIp | undefined> {
    if (!/[.:]/.test(text) || !/^[0-9a-fA-F.:/]+$/.test(text))
      return await this.thing('primary_ips', text, signal)
    const found = await this.#all<PrimaryIp>('primary_ips', { ip: text }, THING_MS, signal)
    return found[0]
  }

  async #all<T>(
    field: string,
    query: Readonly<Record<string, string | boolean>>,
    forMs: number,
    signal: AbortSignal,
  ): Promise<readonly T[]> {
    const key = `${field} ${JSON.stringify(query)}`
    return await this.memory.once(
      key,
      forMs,
      signal,
      async (asking) => await this.api.list<T>(field, query, asking),
    )
  }
}

export function isId(text: string): boolean {
  return /^\d+$/.test(text)
}
