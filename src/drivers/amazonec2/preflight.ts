import type { MachineSpec, PreflightFault } from '../../contracts/driver.js'
import { isMachineError } from '../../contracts/errors.js'
import { nearest } from '../../util/nearest.js'
import { isApiError } from '../common/api/errors.js'
import { NAME_TAG, STORE_TAG } from '../common/cloud/tags.js'
import type { Ec2Account } from './account.js'
import { attemptsOf, launchPlan, runInput } from './launch.js'
import { type InstanceConfig, readConfig } from './config.js'
import { ifThere, isRefusedWith, wordsOf } from './errors.js'
import { groupsNamed } from './groups.js'
import { deniedAction } from './hints.js'
import { ALIVE } from './instances.js'
import { isNetworkFault, networkOf } from './network.js'
import { chosenImage, nearestType, typeOffers } from './offers.js'

interface Check {
  readonly account: Ec2Account
  readonly spec: MachineSpec
  readonly config: InstanceConfig
  readonly signal: AbortSignal
}

type Checker = (check: Check) => Promise<readonly PreflightFault[]>

/** Codes that are the account's fault, not the request's: told once, whatever was asked. */
const ACCOUNT_CODES = [
  'AuthFailure',
  'InvalidClientTokenId',
  'SignatureDoesNotMatch',
  'MissingAuthenticationToken',
  'ExpiredToken*',
  'RequestExpired',
  'OptInRequired',
  'CredentialsProviderError',
  'PendingVerification',
  'Blocked',
]

/** Finds what would fail later, all of it at once; then EC2 is asked to check the very call that makes the instance. */
export async function preflight(
  account: Ec2Account,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  const check = { account, spec, config: readConfig(spec.config), signal }
  const faults = await together(check, [
    typeFaults,
    placeFaults,
    imageFaults,
    keyFaults,
    groupFaults,
    nameFaults,
    makerFaults,
  ])
  return faults.length > 0 ? faults : await together(check, [dryRun])
}

async function together(check: Check, checkers: readonly Checker[]): Promise<readonly PreflightFault[]> {
  const outcomes = await Promise.allSettled(checkers.map(async (checker) => await checker(check)))
  check.signal.throwIfAborted()
  const errors = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
  const account = errors.find((error) => isAccountFault(error))
  if (account !== undefined) return await accountFault(check, account)
  const faults = outcomes.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
  return unique([...faults, ...errors.map(faultOf)])
}

function isAccountFault(error: unknown): boolean {
  return isApiError(error) && (error.fate === 'unreachable' || isRefusedWith(error, ...ACCOUNT_CODES))
}

/** @throws what is no fault of the user's */
function faultOf(error: unknown): PreflightFault {
  if (isNetworkFault(error)) return error.fault
  if (!isMachineError(error)) throw error
  if (isApiError(error) && error.fate === 'unknown') throw error
  if (isRefusedWith(error, 'UnauthorizedOperation'))
    return withHint(`no permission: ${deniedOf(error.message)}: ${wordsOf(error)}`, error.hints)
  return withHint(wordsOf(error), error.hints)
}

function deniedOf(message: string): string {
  const [, action = 'DescribeInstances'] = /, HTTP \d+, ([A-Za-z]+),/.exec(message) ?? []
  return deniedAction({ message, action: action as 'DescribeInstances' })
}

function withHint(message: string, hints: readonly string[]): PreflightFault {
  return { message, ...(hints.length === 0 ? {} : { hint: hints.join(' ') }) }
}

function unique(faults: readonly PreflightFault[]): readonly PreflightFault[] {
  return [...new Map(faults.map((fault) => [fault.message, fault])).values()]
}

/** Where nothing works, the region may be to blame: it does not exist, or the account has not enabled it. */
async function accountFault(
  { account, config, signal }: Check,
  error: unknown,
): Promise<readonly PreflightFault[]> {
  const hints = isMachineError(error) ? error.hints : []
  const isKnownCause = !isRefusedWith(error, 'AuthFailure', 'OptInRequired') && !isUnknownHost(error)
  const region = isKnownCause ? undefined : await regionFault(account, config, signal)
  return [region ?? withHint(wordsOf(error), hints)]
}

function isUnknownHost(error: unknown): boolean {
  return isApiError(error) && error.fate === 'unreachable' && /ENOTFOUND/.test(error.message)
}

async function regionFault(
  account: Ec2Account,
  { region }: InstanceConfig,
  signal: AbortSignal,
): Promise<PreflightFault | undefined> {
  try {
    const known = await account.elsewhere('us-east-1').call('DescribeRegions', { AllRegions: true }, signal)
    const regions = known.Regions ?? []
    const ours = regions.find(({ RegionName }) => RegionName === region)
    if (ours?.OptInStatus === 'not-opted-in')
      return {
        message: `the account has not enabled the region ${region}`,
        hint: 'Enable it (Account settings, AWS Regions), or choose another with --amazonec2-region.',
      }
    const names = regions.map(({ RegionName = '' }) => RegionName)
    if (ours || names.length === 0) return undefined
    const near = nearest(region, names)
    return {
      message: `Invalid region specified: AWS has no region ${JSON.stringify(region)}`,
      hint: `${near === undefined ? '' : `Did you mean ${near}? `}Regions: ${names.toSorted().join(', ')}.`,
    }
  } catch {
    return undefined
  }
}

const typeFaults: Checker = async ({ account, config, signal }) => {
  const offers = await typeOffers(account, config, signal)
  const missing = config.instanceTypes.filter((name) => !offers.some((offer) => offer.name === name))
  return await Promise.all(
    missing.map(async (name) => {
      const near = await nearestType(account, name, signal)
      const message = `${account.api.region} has no instance type ${JSON.stringify(name)}`
      return near === undefined ? { message } : { message, hint: `Did you mean ${near}?` }
    }),
  )
}

const placeFaults: Checker = async ({ account, config, signal }) => {
  const [network, offers] = await Promise.all([
    networkOf(account, config, signal),
    typeOffers(account, config, signal),
  ])
  const zones = network.places.map(({ zone }) => zone)
  const usable = offers.some((offer) => offer.zones.some((zone) => zones.includes(zone)))
  if (usable || offers.length === 0) return []
  const [first] = offers
  return [
    {
      message: `${offers.map(({ name }) => name).join(', ')}: not offered in ${zones.join(', ')}`,
      hint: `${first?.name} is offered in ${first?.zones.join(', ')}: choose one with --amazonec2-zone or --amazonec2-subnet-id.`,
    },
  ]
}

const imageFaults: Checker = async ({ account, config, signal }) => {
  const offers = await typeOffers(account, config, signal)
  const known = [...new Set(offers.map(({ architecture }) => architecture))]
  // An unknown type is told beside an unknown image.
  const architectures = known.length > 0 ? known : (['x86_64'] as const)
  const found = await Promise.all(
    architectures.map(async (architecture) => ({
      architecture,
      image: await chosenImage(account, config, architecture, signal),
    })),
  )
  return found.flatMap(({ architecture, image }) => {
    if (!image) return [noImage(account, config, architecture)]
    if (image.gib <= config.rootSize) return []
    return [
      {
        message: `image ${image.name} needs a root volume of ${image.gib} GB`,
        hint: `Give --amazonec2-root-size ${image.gib} or more.`,
      },
    ]
  })
}

function noImage(account: Ec2Account, config: InstanceConfig, architecture: string): PreflightFault {
  const { region } = account.api
  if (config.ami !== '')
    return {
      message: `there is no image ${config.ami} in ${region}`,
      hint: 'Image ids differ from region to region. Without --amazonec2-ami the newest Debian is taken.',
    }
  return {
    message: `there is no image ${config.imageName} for ${architecture} in ${region}`,
    hint: 'Give another --amazonec2-image-name (debian-13, ubuntu-24.04), its --amazonec2-image-owner, or --amazonec2-ami.',
  }
}

const keyFaults: Checker = async ({ account, config, signal }) => {
  const { keypairName } = config
  if (keypairName === '') return []
  const asked = account.api.call('DescribeKeyPairs', { KeyNames: [keypairName] }, signal)
  if ((await ifThere(asked, 'InvalidKeyPair.NotFound'))?.KeyPairs?.length) return []
  return [
    {
      message: `there is no key pair ${JSON.stringify(keypairName)} in ${account.api.region}`,
      hint: 'Key pairs belong to a region. Without --amazonec2-keypair-name the key of --amazonec2-ssh-keypath is imported.',
    },
  ]
}

const groupFaults: Checker = async ({ account, spec, config, signal }) => {
  if (!config.securityGroupReadonly) return []
  const there = await groupsNamed(account, spec, config.securityGroups, signal)
  return config.securityGroups
    .filter((name) => !there.some(({ GroupName }) => GroupName === name))
    .map((name) => ({
      message: `there is no security group ${JSON.stringify(name)} in the VPC`,
      hint: 'It is made without --amazonec2-security-group-readonly.',
    }))
}

/** A machine of this store whose record was lost. */
const nameFaults: Checker = async ({ account, spec, signal }) => {
  const { machine } = spec
  const filters = [
    { Name: `tag:${STORE_TAG}`, Values: [machine.storeId] },
    { Name: `tag:${NAME_TAG}`, Values: [machine.name] },
    { Name: 'instance-state-name', Values: ALIVE },
  ]
  const { Reservations = [] } = await account.api.call('DescribeInstances', { Filters: filters }, signal)
  const taken = Reservations.flatMap(({ Instances = [] }) => Instances)[0]
  if (!taken) return []
  return [
    {
      message: `this store has an instance named ${machine.name} already: ${taken.InstanceId}`,
      hint: `tsmachine adopt --driver amazonec2 ${taken.InstanceId} makes a record of it, tsmachine gc --driver amazonec2 removes it.`,
    },
  ]
}

/** Permissions for what is made before the instance. */
const makerFaults: Checker = async ({ account, spec, config, signal }) => {
  if (config.securityGroupReadonly) return []
  const network = await networkOf(account, config, signal)
  const input = {
    DryRun: true,
    GroupName: `tsmachine-${spec.machine.id}`,
    Description: 'tsmachine',
    VpcId: network.vpcId,
  }
  return await allowed(account.api.call('CreateSecurityGroup', input, signal))
}

const dryRun: Checker = async ({ account, spec, signal }) => {
  const plan = await launchPlan(account, spec, {}, signal)
  const [attempt] = attemptsOf({ ...plan, config: { ...plan.config, spot: false } })
  if (!attempt) return []
  const { KeyName: _made, ClientToken: _token, ...input } = runInput(plan, attempt, '')
  const KeyName = plan.config.keypairName || undefined
  return await allowed(account.api.call('RunInstances', { ...input, KeyName, DryRun: true }, signal))
}

/** A dry run that would succeed is refused with that. */
async function allowed(asked: Promise<object>): Promise<readonly PreflightFault[]> {
  try {
    await asked
    return []
  } catch (error) {
    if (isRefusedWith(error, 'DryRunOperation')) return []
    throw error
  }
}
