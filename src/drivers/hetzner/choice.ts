/** Choosing among what Hetzner offers. Pure. */
import { nearest } from '../../util/nearest.js'
import type { Image, ServerType } from './api-types.js'
import type { HetznerConfig } from './config.js'
import { priceOf } from './servers.js'

const MOST_OFFERS = 4

export function findType(types: readonly ServerType[], name: string): ServerType | undefined {
  return types.find((type) => type.name === name || String(type.id) === name)
}

/** The image for a server type, or for the architecture that was asked for. */
export function chooseImage(
  { imageArch }: Pick<HetznerConfig, 'imageArch'>,
  type: ServerType | undefined,
  images: readonly Image[],
): Image | undefined {
  const architecture = imageArch || type?.architecture
  return images.find((image) => image.architecture === architecture)
}

export interface Place {
  readonly name: string
  readonly available: boolean
  /** ISO date after which it is not sold there any more. */
  readonly until?: string
}

/** Where a type is sold. Older answers tell of prices only. */
export function placesOf(type: ServerType): readonly Place[] {
  const listed = type.locations ?? []
  if (listed.length === 0) return type.prices.map(({ location }) => ({ name: location, available: true }))
  return listed.map(({ name, available, deprecation }) => ({
    name,
    available,
    ...(deprecation ? { until: deprecation.unavailable_after } : {}),
  }))
}

/** `cx33 (4 CPUs, 8 GB, amd64, 6.49 EUR a month in fsn1)` */
export function offerOf(type: ServerType, location: string): string {
  const price = priceText(type, location)
  const architecture = type.architecture === 'arm' ? 'arm64' : 'amd64'
  return `${type.name} (${type.cores} CPUs, ${type.memory} GB, ${architecture}${price === '' ? '' : `, ${price}`})`
}

/** What a type costs there, or the cheapest where the place is open. */
export function priceText(type: ServerType, location: string): string {
  const places = location === '' ? type.prices.map((price) => price.location) : [location]
  const [cheapest] = places
    .flatMap((place) => {
      const amount = priceOf(type, place)
      return amount === undefined ? [] : [{ place, amount }]
    })
    .sort((one, other) => one.amount - other.amount)
  return cheapest ? `${cheapest.amount.toFixed(2)} EUR a month in ${cheapest.place}` : ''
}

/** Types to offer in place of one that cannot be had: the one of a similar name, then the cheapest of its architecture. */
export function offersFor(name: string, types: readonly ServerType[], location: string): readonly string[] {
  const sold = types.filter((type) => isSold(type, location))
  const near = nearest(
    name,
    sold.map((type) => type.name),
  )
  const architecture = name.startsWith('cax') ? 'arm' : 'x86'
  const cheap = sold
    .filter((type) => type.architecture === architecture && type.name !== near)
    .sort((one, other) => cheapest(one, location) - cheapest(other, location))
  const first = sold.filter((type) => type.name === near)
  return [...first, ...cheap].slice(0, MOST_OFFERS).map((type) => offerOf(type, location))
}

export function isSold(type: ServerType, location: string): boolean {
  return placesOf(type).some(({ name, available }) => available && (location === '' || name === location))
}

function cheapest(type: ServerType, location: string): number {
  const prices = (location === '' ? type.prices.map((price) => price.location) : [location]).map((place) => {
    return priceOf(type, place) ?? Infinity
  })
  return Math.min(...prices)
}
