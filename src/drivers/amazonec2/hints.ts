/** What helps against EC2's refusals, by its codes. */
import type { Action } from './calls.js'

/** What is known of a refused call. */
export interface Refused {
  readonly code: string
  readonly message: string
  readonly action: Action
  readonly region: string
  /** Milliseconds that AWS's clock is ahead of ours. */
  readonly skewMs?: number
}

type Hint = (refused: Refused) => string

const KEYS =
  'Check the keys: AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, or --amazonec2-profile. "aws sts get-caller-identity" tells whether they work.'
const RENEW =
  'Temporary keys have run out: get new ones ("aws sso login" for a profile with SSO) and try again.'
const QUOTA =
  'Ask for a higher quota (Service Quotas, EC2), remove instances, or choose another type or region: --amazonec2-instance-types, --amazonec2-region.'
const CAPACITY =
  'Give more choices: --amazonec2-instance-types A,B,C, no --amazonec2-zone and no --amazonec2-subnet-id.'
const CLOCK = 'AWS refuses requests of a wrong clock: set the time of this computer (NTP).'

const BETWEEN =
  'Something between this computer and AWS may have answered: log in to the network, check the proxy and the endpoint. Then try again.'

const HINTS: Readonly<Record<string, Hint>> = {
  AuthFailure: ({ region }) =>
    `${KEYS} Keys that work elsewhere are refused in a region that the account has not enabled: is ${region}?`,
  InvalidClientTokenId: () => KEYS,
  SignatureDoesNotMatch: () => `${KEYS} The secret key does not fit the key id.`,
  MissingAuthenticationToken: () => KEYS,
  ExpiredToken: () => RENEW,
  ExpiredTokenException: () => RENEW,
  RequestExpired: ({ skewMs }) => (isSkewed(skewMs) ? CLOCK : RENEW),
  UnauthorizedOperation: (refused) =>
    `The keys lack the permission ${deniedAction(refused)}. What is needed: docs/drivers/amazonec2.md, "Permissions".`,
  OptInRequired: ({ region }) =>
    `Enable the region ${region} for the account (Account settings, AWS Regions), or accept the terms of the image in the Marketplace.`,
  'InvalidAMIID.NotFound': ({ region }) =>
    `Image ids differ from region to region: is it one of ${region}? Without --amazonec2-ami the newest Debian is taken.`,
  'InvalidAMIID.Malformed': () => 'An image id looks like ami-0123456789abcdef0.',
  'InvalidAMIID.Unavailable': () =>
    'The image is withdrawn. Without --amazonec2-ami the newest Debian is taken.',
  InstanceLimitExceeded: () => QUOTA,
  VcpuLimitExceeded: () => QUOTA,
  MaxSpotInstanceCountExceeded: () => QUOTA,
  VolumeLimitExceeded: () => QUOTA,
  InsufficientInstanceCapacity: () => CAPACITY,
  InsufficientHostCapacity: () => CAPACITY,
  SpotMaxPriceTooLow: () =>
    'Leave --amazonec2-spot-price out: the price is then at most that of an on-demand instance.',
  Unsupported: () => CAPACITY,
  PendingVerification: () => 'AWS is still checking this account: try again in some minutes.',
  Blocked: () => 'AWS has blocked this account: ask its support.',
  OperationNotPermitted: () =>
    'The instance has termination protection, which is not ours to switch off. To remove it all the same: aws ec2 modify-instance-attribute --no-disable-api-termination --instance-id ID',
  IncorrectSpotRequestState: () => 'A one-time Spot instance cannot be stopped, only removed.',
  'InvalidKey.Format': () => 'EC2 takes RSA and Ed25519 keys only.',
  'InvalidKeyPair.NotFound': ({ region }) => `Key pairs belong to a region: is it one of ${region}?`,
  'InvalidKeyPair.Duplicate': ({ message }) =>
    `A key pair of that name is there that this store has not made: aws ec2 delete-key-pair --key-name ${/'([^']+)'/.exec(message)?.[1] ?? 'NAME'}`,
  RequestLimitExceeded: () =>
    'Too many calls: other programs that use the same account and region count too.',
  /** An answer without a code is none of EC2's. */
  Unknown: () => BETWEEN,
  CredentialsProviderError: () =>
    'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with --amazonec2-profile ("aws configure", "aws sso login" make one), or run on an instance with a role.',
}

/** EC2 says of a one-time Spot instance that stopping it is no operation. */
const SPOT_STOP = /spot/i
const SKEW_MS = 4 * 60_000

export function hintsFor(refused: Refused): readonly string[] {
  const { code, message, action, skewMs } = refused
  const stop = action === 'StopInstances' && SPOT_STOP.test(message) ? 'IncorrectSpotRequestState' : code
  const own = Object.hasOwn(HINTS, stop) ? HINTS[stop]?.(refused) : undefined
  return [...(isSkewed(skewMs) ? [skewText(skewMs)] : []), ...(own === undefined ? [] : [own])]
}

/** The action that a permission is missing for: the message names it, often another than was called. */
export function deniedAction({ message, action }: Pick<Refused, 'message' | 'action'>): string {
  return /perform:? ([a-z0-9-]+:[A-Za-z]+)/.exec(message)?.[1] ?? `ec2:${action}`
}

function isSkewed(skewMs: number | undefined): skewMs is number {
  return skewMs !== undefined && Math.abs(skewMs) > SKEW_MS
}

function skewText(skewMs: number): string {
  const minutes = Math.round(Math.abs(skewMs) / 60_000)
  const way = skewMs > 0 ? 'behind' : 'ahead of'
  return `This computer's clock is ${minutes} minutes ${way} AWS's.`
}
