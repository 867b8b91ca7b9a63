/** Server type, location and image: what there is, where, for how much, and what fits together. */
import type { MachineSpec, PreflightFault } from '../../contracts/driver.js'
import { nearest } from '../../util/nearest.js'
import type { HetznerAccount } from './account.js'
import type { Image, Location, ServerType } from './api-types.js'
import { isId } from './catalog.js'
import { chooseImage, findType, isSold, offersFor, placesOf, priceText } from './choice.js'
import { type HetznerConfig, readConfig } from './config.js'

/** What a choice of server type and location is made from. */
interface Offer {
  readonly types: readonly ServerType[]
  readonly locations: readonly Location[]
}

export async function offerFaults(
  account: HetznerAccount,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  const config = readConfig(spec.config)
  const [types, locations, image] = await Promise.all([
    account.catalog.serverTypes(signal),
    account.catalog.locations(signal),
    imageFor(account, config, signal),
  ])
  const offer = { types, locations }
  const type = findType(types, config.serverType)
  const place = locationFaults(config, offer)
  return [
    ...place,
    ...(place.length > 0 ? [] : typeFaults(config, offer, type)),
    ...(await imageFaults(account, config, { type, images: image }, signal)),
  ]
}

/** What the user should know although it works: prices, and what is going away. */
export async function offerNotes(
  account: HetznerAccount,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<readonly { readonly level: 'info' | 'warn'; readonly text: string }[]> {
  const config = readConfig(spec.config)
  const [types, images] = await Promise.all([
    account.catalog.serverTypes(signal),
    imageFor(account, config, signal),
  ])
  const type = findType(types, config.serverType)
  const image = only(images) ?? chooseImage(config, type, images)
  const price = type ? priceText(type, config.location) : ''
  return [
    ...(price === '' ? [] : [{ level: 'info' as const, text: `Server type ${config.serverType}: ${price}` }]),
    ...goings(config, type, image).map((text) => ({ level: 'warn' as const, text })),
  ]
}

function goings(config: HetznerConfig, type: ServerType | undefined, image: Image | undefined): string[] {
  const place = type && placesOf(type).find(({ name }) => name === config.location)
  const until = place?.until ?? type?.deprecation?.unavailable_after
  return [
    ...(until === undefined
      ? []
      : [`Server type ${config.serverType} is deprecated: it is not sold after ${until}`]),
    ...(image?.deprecated ? [`Image ${image.name ?? image.id} is deprecated since ${image.deprecated}`] : []),
  ]
}

function locationFaults({ location }: HetznerConfig, { locations }: Offer): readonly PreflightFault[] {
  if (location === '' || locations.some(({ name }) => name === location)) return []
  const names = locations.map(({ name }) => name)
  const near = nearest(location, names)
  const all = locations.map(({ name, city }) => `${name} (${city})`).join(', ')
  const hint = near === undefined ? `Locations: ${all}.` : `Did you mean ${near}? Locations: ${all}.`
  return [{ message: `Hetzner has no location "${location}"`, hint }]
}

function typeFaults(
  { serverType, location }: HetznerConfig,
  { types }: Offer,
  type: ServerType | undefined,
): readonly PreflightFault[] {
  const offers = (): string => offersFor(serverType, types, location).join(', ')
  const where = location === '' ? 'anywhere' : `in ${location}`
  if (!type)
    return [{ message: `Hetzner has no server type "${serverType}"`, hint: `Sold ${where}: ${offers()}.` }]
  if (isSold(type, location)) return []
  const elsewhere = placesOf(type).filter(({ available }) => available)
  const known = placesOf(type).some(({ name }) => location === '' || name === location)
  const message = `Server type ${serverType} ${known ? 'is sold out' : 'is not sold'} ${where} now`
  const places = elsewhere.map(({ name }) => name).join(', ')
  return [
    {
      message,
      hint: `Sold ${where}: ${offers()}.${places === '' ? '' : ` ${serverType} is sold in ${places}.`}`,
    },
  ]
}

async function imageFor(
  account: HetznerAccount,
  { image, imageId }: HetznerConfig,
  signal: AbortSignal,
): Promise<readonly Image[]> {
  const id = imageId || (isId(image) ? image : '')
  if (id === '') return await account.catalog.imagesNamed(image, signal)
  const found = await account.catalog.image(id, signal)
  return found ? [found] : []
}

async function imageFaults(
  account: HetznerAccount,
  config: HetznerConfig,
  { type, images }: { readonly type: ServerType | undefined; readonly images: readonly Image[] },
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  const asked = config.imageId || config.image
  if (images.length === 0) return [await noImage(account, asked, signal)]
  const image = chooseImage(config, type, images) ?? (type ? undefined : images[0])
  if (!image) return [wrongArchitecture(config, type, images)]
  return [
    ...(type && image.architecture !== type.architecture ? [wrongArchitecture(config, type, images)] : []),
    ...(image.status === 'available'
      ? []
      : [{ message: `Image ${asked} is ${image.status}`, hint: 'Wait until it is ready, or take another.' }]),
    ...(type && image.disk_size > type.disk
      ? [
          {
            message: `Image ${asked} needs a disk of ${image.disk_size} GB, ${type.name} has ${type.disk} GB`,
            hint: 'Take a larger --hetzner-server-type.',
          },
        ]
      : []),
  ]
}

async function noImage(account: HetznerAccount, asked: string, signal: AbortSignal): Promise<PreflightFault> {
  const all = await account.catalog.systemImages(signal)
  const names = [...new Set(all.flatMap(({ name }) => (name === null ? [] : [name])))]
  const near = nearest(asked, names)
  const hint = near === undefined ? `Images: ${names.join(', ')}.` : `Did you mean ${near}?`
  return { message: `Hetzner has no image "${asked}"`, hint }
}

function wrongArchitecture(
  { imageId, image, imageArch }: HetznerConfig,
  type: ServerType | undefined,
  images: readonly Image[],
): PreflightFault {
  const has = images.map(({ architecture }) => architecture).join(', ')
  const wanted = imageArch || (type?.architecture ?? '')
  const server = type ? `, server type ${type.name} is ${type.architecture}` : ''
  const message = `Image ${imageId || image} is for ${has}${imageArch === '' ? '' : `, asked for is ${wanted}`}${server}`
  return { message, hint: 'cax types are arm (arm64), all others x86 (amd64): choose image and type alike.' }
}

function only<T>(items: readonly T[]): T | undefined {
  return items.length === 1 ? items[0] : undefined
}
