/** What a config names and the account has: asked for once in a process, whatever the number of machines. */
import { MachineError } from '../../contracts/errors.js'
import type { DigitalOceanAccount } from './account.js'
import type { AccountInfo, Image, Project, Region, Size, Volume } from './api-types.js'
import type { DropletConfig } from './config.js'

export async function accountInfo(account: DigitalOceanAccount, signal: AbortSignal): Promise<AccountInfo> {
  return await account.remember('account', signal, async (asking) => {
    const call = { method: 'GET', path: '/account', what: 'look at the account' } as const
    return (await account.api.call<{ account: AccountInfo }>(call, asking)).account
  })
}

/** How many droplets the account has, ours and others. */
export async function dropletCount(account: DigitalOceanAccount, signal: AbortSignal): Promise<number> {
  return await account.remember('droplet count', signal, async (asking) => {
    const call = {
      method: 'GET',
      path: '/droplets',
      query: { per_page: 1 },
      what: 'count the droplets',
    } as const
    return (await account.api.call<{ meta: { total: number } }>(call, asking)).meta.total
  })
}

export async function regions(account: DigitalOceanAccount, signal: AbortSignal): Promise<readonly Region[]> {
  const asked = { path: '/regions', what: 'list the regions' }
  return await account.remember('regions', signal, (asking) => account.list<Region>('regions', asked, asking))
}

export async function sizes(account: DigitalOceanAccount, signal: AbortSignal): Promise<readonly Size[]> {
  const asked = { path: '/sizes', what: 'list the sizes' }
  return await account.remember('sizes', signal, (asking) => account.list<Size>('sizes', asked, asking))
}

/** An image by slug or id, else one of the account's own by name. */
export async function image(
  account: DigitalOceanAccount,
  word: string,
  signal: AbortSignal,
): Promise<Image | undefined> {
  return await account.remember(`image ${word}`, signal, async (asking) => {
    const path = `/images/${encodeURIComponent(word)}`
    const call = { method: 'GET', path, what: 'look at the image' } as const
    const known = await account.ifThere(account.api.call<{ image: Image }>(call, asking))
    if (known) return known.image
    const own = { path: '/images', query: { private: 'true' }, what: 'list your images' }
    const images = await account.list<Image>('images', own, asking)
    return images.find(({ name }) => name === word)
  })
}

/** What a droplet is made from: a slug as it is, an image of the account's own by its id. */
export async function imageWord(
  account: DigitalOceanAccount,
  word: string,
  signal: AbortSignal,
): Promise<string | number> {
  const found = await image(account, word, signal)
  return found === undefined || found.slug === word ? word : found.id
}

/** Slugs of the images that DigitalOcean offers, for "did you mean". */
export async function imageSlugs(
  account: DigitalOceanAccount,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const asked = { path: '/images', query: { type: 'distribution' }, what: 'list the images' }
  const images = await account.remember('images', signal, (asking) =>
    account.list<Image>('images', asked, asking),
  )
  return images.flatMap(({ slug }) => slug ?? [])
}

/** Volumes and project that a config names, and what of it is not there. */
export async function attachments(
  account: DigitalOceanAccount,
  config: DropletConfig,
  signal: AbortSignal,
): Promise<{ readonly volumes: readonly Volume[]; readonly missing: readonly string[] }> {
  if (config.volumes.length === 0) return { volumes: [], missing: [] }
  const asked = { path: '/volumes', query: { region: config.region }, what: 'list the volumes' }
  const all = await account.list<Volume>('volumes', asked, signal)
  const found = config.volumes.map((word) => all.find(({ id, name }) => id === word || name === word))
  return {
    volumes: found.filter((volume) => volume !== undefined),
    missing: config.volumes.filter((_word, index) => found[index] === undefined),
  }
}

export async function projects(
  account: DigitalOceanAccount,
  signal: AbortSignal,
): Promise<readonly Project[]> {
  const asked = { path: '/projects', what: 'list the projects' }
  return await account.remember('projects', signal, (asking) =>
    account.list<Project>('projects', asked, asking),
  )
}

/** @throws MachineError `driver` when the account has no such project */
export async function projectId(
  account: DigitalOceanAccount,
  word: string,
  signal: AbortSignal,
): Promise<string> {
  const found = (await projects(account, signal)).find(({ id, name }) => id === word || name === word)
  if (found) return found.id
  throw new MachineError('driver', `DigitalOcean knows no project ${JSON.stringify(word)} in this account`)
}
