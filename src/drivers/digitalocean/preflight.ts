import type { MachineSpec, PreflightFault } from '../../contracts/driver.js'
import { nearest } from '../../util/nearest.js'
import { isApiError } from '../common/api/errors.js'
import type { DigitalOceanAccount } from './account.js'
import type { Size } from './api-types.js'
import { type DropletConfig, readConfig } from './config.js'
import { reservedIp } from './extras.js'
import {
  accountInfo,
  attachments,
  dropletCount,
  image,
  imageSlugs,
  projects,
  regions,
  sizes,
} from './lookups.js'

/** What of a config DigitalOcean would refuse, in as few calls as that takes. */
export async function preflight(
  account: DigitalOceanAccount,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  const config = readConfig(spec.config)
  try {
    const info = await accountFaults(account, signal)
    const others = await Promise.all(CHECKS.map((check) => check(account, config, signal)))
    return [...info, ...others.flat()]
  } catch (error) {
    return [refusal(error)]
  }
}

type Check = (
  account: DigitalOceanAccount,
  config: DropletConfig,
  signal: AbortSignal,
) => Promise<readonly PreflightFault[]>

const CHECKS: readonly Check[] = [
  placeFaults,
  imageFaults,
  keyFaults,
  vpcFaults,
  projectFaults,
  volumeFaults,
  addressFaults,
]

/** A fault where the provider's answer is one for every create; anything else is thrown on. */
function refusal(error: unknown): PreflightFault {
  if (!isApiError(error) || (error.status !== 401 && error.status !== 403)) throw error
  const hint =
    error.status === 401
      ? 'Make a token at cloud.digitalocean.com/account/api/tokens and give it with DIGITALOCEAN_ACCESS_TOKEN.'
      : 'The token lacks a scope: give it "Full access", or read and create of droplet, firewall, image, region, regions, sizes, ssh_key and tag.'
  return { message: error.message, hint }
}

/** A token may be allowed to make droplets and not to look at the account. */
async function accountFaults(
  account: DigitalOceanAccount,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  try {
    const info = await accountInfo(account, signal)
    if (info.status === 'locked')
      return [{ message: `the account is locked: ${info.status_message}`, hint: 'Ask DigitalOcean why.' }]
    const count = await dropletCount(account, signal)
    if (count < info.droplet_limit) return []
    return [
      {
        message: `the account has ${count} droplets and may have ${info.droplet_limit}`,
        hint: 'Remove some (tsmachine gc finds forgotten ones), or ask DigitalOcean for a higher droplet limit.',
      },
    ]
  } catch (error) {
    if (isApiError(error) && error.status === 403) return []
    throw error
  }
}

async function placeFaults(
  account: DigitalOceanAccount,
  config: DropletConfig,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  const [allRegions, allSizes] = await Promise.all([regions(account, signal), sizes(account, signal)])
  const region = allRegions.find(({ slug }) => slug === config.region)
  const size = allSizes.find(({ slug }) => slug === config.size)
  if (!region)
    return [
      regionFault(
        config,
        allRegions.map(({ slug }) => slug),
      ),
      ...(size ? [] : [sizeFault(config, allSizes)]),
    ]
  if (!size) return [sizeFault(config, allSizes)]
  if (!region.available)
    return [
      {
        message: `region ${config.region} takes no new droplets`,
        hint: 'Choose another with --digitalocean-region.',
      },
    ]
  if (!size.available || !size.regions.includes(config.region)) return [noSizeHere(config, size, allSizes)]
  if (config.ipv6 && !region.features.includes('ipv6'))
    return [{ message: `region ${config.region} has no IPv6`, hint: 'Leave --digitalocean-ipv6 out.' }]
  return []
}

function regionFault({ region }: DropletConfig, known: readonly string[]): PreflightFault {
  const near = nearest(region, known)
  return {
    message: `digitalocean requires a valid region: ${JSON.stringify(region)} is none`,
    hint: `${near === undefined ? '' : `Did you mean ${near}? `}Regions: ${[...known].sort().join(', ')}.`,
  }
}

function sizeFault({ size, region }: DropletConfig, known: readonly Size[]): PreflightFault {
  const near = nearest(
    size,
    known.map(({ slug }) => slug),
  )
  return {
    message: `DigitalOcean has no size ${JSON.stringify(size)}`,
    hint: `${near === undefined ? '' : `Did you mean ${near}? `}Cheapest in ${region}: ${offers(known, region)}.`,
  }
}

function noSizeHere({ region }: DropletConfig, size: Size, known: readonly Size[]): PreflightFault {
  const where = size.regions.length > 0 ? `It is offered in ${size.regions.join(', ')}. ` : ''
  return {
    message: `size ${size.slug} is not offered in ${region}`,
    hint: `${where}Cheapest in ${region}: ${offers(known, region)}.`,
  }
}

const OFFERS = 4

function offers(known: readonly Size[], region: string): string {
  const here = known.filter((size) => size.available && size.regions.includes(region))
  const cheapest = (here.length > 0 ? here : known)
    .toSorted((a, b) => a.price_monthly - b.price_monthly)
    .slice(0, OFFERS)
  return cheapest
    .map(
      ({ slug, vcpus, memory, price_monthly: price }) =>
        `${slug} (${vcpus} CPU, ${memory} MB, $${price} a month)`,
    )
    .join(', ')
}

async function imageFaults(
  account: DigitalOceanAccount,
  config: DropletConfig,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  const found = await image(account, config.image, signal)
  if (!found) {
    const known = await imageSlugs(account, signal)
    const near = nearest(config.image, known)
    return [
      {
        message: `DigitalOcean has no image ${JSON.stringify(config.image)}`,
        hint: `${near === undefined ? '' : `Did you mean ${near}? `}Images: ${[...known].sort().join(', ')}.`,
      },
    ]
  }
  if (found.regions.length > 0 && !found.regions.includes(config.region))
    return [
      {
        message: `image ${config.image} is not in ${config.region}`,
        hint: `It is in ${found.regions.join(', ')}.`,
      },
    ]
  return []
}

async function keyFaults(
  account: DigitalOceanAccount,
  { sshKeyFingerprint }: DropletConfig,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  if (sshKeyFingerprint === '') return []
  const path = `/account/keys/${encodeURIComponent(sshKeyFingerprint)}`
  const call = { method: 'GET', path, what: 'look at the SSH key' } as const
  if (await account.ifThere(account.api.call(call, signal))) return []
  return [
    {
      message: `the account has no SSH key ${sshKeyFingerprint}`,
      hint: 'Add it to the account, or leave --digitalocean-ssh-key-fingerprint out: a key is made then.',
    },
  ]
}

async function vpcFaults(
  account: DigitalOceanAccount,
  { vpc, region }: DropletConfig,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  if (vpc === '') return []
  const call = { method: 'GET', path: `/vpcs/${encodeURIComponent(vpc)}`, what: 'look at the VPC' } as const
  const found = await account.ifThere(account.api.call<{ vpc: { region: string } }>(call, signal))
  if (!found) return [{ message: `the account has no VPC ${vpc}`, hint: 'Give the UUID of one of yours.' }]
  if (found.vpc.region === region) return []
  return [{ message: `VPC ${vpc} is in ${found.vpc.region}, not in ${region}`, hint: 'Choose its region.' }]
}

async function projectFaults(
  account: DigitalOceanAccount,
  { project }: DropletConfig,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  if (project === '') return []
  const known = await projects(account, signal)
  if (known.some(({ id, name }) => id === project || name === project)) return []
  return [
    {
      message: `the account has no project ${JSON.stringify(project)}`,
      hint: `Projects: ${known.map(({ name }) => name).join(', ')}.`,
    },
  ]
}

async function volumeFaults(
  account: DigitalOceanAccount,
  config: DropletConfig,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  const { volumes, missing } = await attachments(account, config, signal)
  const taken = volumes.filter(({ droplet_ids: ids }) => (ids ?? []).length > 0)
  return [
    ...missing.map((word) => ({
      message: `there is no volume ${JSON.stringify(word)} in ${config.region}`,
      hint: 'A volume can be attached in its own region only.',
    })),
    ...taken.map(({ name }) => ({
      message: `volume ${name} is attached to another droplet`,
      hint: 'Detach it there first.',
    })),
  ]
}

async function addressFaults(
  account: DigitalOceanAccount,
  { reservedIp: ip, region }: DropletConfig,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  if (ip === '' || ip === 'new') return []
  const found = await reservedIp(account, ip, signal)
  if (!found)
    return [
      {
        message: `the account has no reserved address ${ip}`,
        hint: '--digitalocean-reserved-ip new makes one.',
      },
    ]
  if (found.droplet)
    return [
      { message: `${ip} belongs to another droplet`, hint: 'Take it from there first, or choose another.' },
    ]
  if (found.region.slug === region) return []
  return [{ message: `${ip} is in ${found.region.slug}, not in ${region}`, hint: 'Choose its region.' }]
}
