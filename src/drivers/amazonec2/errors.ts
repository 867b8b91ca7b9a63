import { isMachineError, MachineError, messageOf } from '../../contracts/errors.js'
import { ConnectError, ProxyRefusal } from '../common/api/agent.js'
import { ApiError, type Fate, isApiError } from '../common/api/errors.js'
import { networkFault } from '../common/api/network-faults.js'
import { redactor } from '../../util/redact.js'
import { type Action, PURPOSES } from './calls.js'
import { hintsFor } from './hints.js'

/** Refusals that pass: EC2 asks for patience, or stumbled. */
const THROTTLED = [
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingException',
  'RequestThrottled',
  'SlowDown',
]
const STUMBLED = ['InternalError', 'InternalFailure', 'Unavailable', 'ServiceUnavailable', 'RequestTimeout']
/** States on the way to another: the call is right a moment later. */
const CHANGING = [
  'IncorrectInstanceState',
  'IncorrectState',
  'ConcurrentTagAccess',
  'PendingSnapshotLimitExceeded',
]
/** What the SDK throws when it finds no credentials, or its helpers fail. */
const NO_CREDENTIALS = /Credential|TokenProvider|SSO|AssumeRole/i
const ENCODED = /\s*Encoded authorization failure message:\s*(\S+)/

/** Where and when a call was made. */
export interface CallContext {
  readonly action: Action
  readonly region: string
  /** For texts; empty for AWS's own. */
  readonly endpoint: string
  readonly proxy: string | undefined
  readonly now: Date
  readonly secrets: readonly string[]
  /** Codes that pass here: what was just made is not known everywhere yet. */
  readonly settling: readonly string[]
}

interface ServiceError extends Error {
  readonly $metadata: { readonly httpStatusCode?: number; readonly requestId?: string }
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> }
}

/** Anything that a call of the SDK threw, as an error for people: AWS's words, our hints. */
export function explain(error: unknown, context: CallContext): MachineError {
  if (isMachineError(error)) return error
  if (isServiceError(error)) return refusal(error, context)
  if (error instanceof Error && NO_CREDENTIALS.test(error.name)) return noCredentials(error, context)
  return unreachable(error, context)
}

/** A service's error always has the status of its answer; other errors of the SDK do not. */
function isServiceError(error: unknown): error is ServiceError {
  const metadata = (error as Partial<ServiceError> | undefined)?.$metadata
  return error instanceof Error && metadata?.httpStatusCode !== undefined && metadata.httpStatusCode >= 300
}

function refusal(error: ServiceError, context: CallContext): ApiError {
  const { action, region, settling } = context
  const redact = redactor(context.secrets)
  const { httpStatusCode: status = 0, requestId } = error.$metadata
  const code = error.name
  const encoded = ENCODED.exec(error.message)?.[1]
  const message = redact(error.message.replace(ENCODED, '').trim()) || 'no reason given'
  const stumbled = STUMBLED.includes(code) || (status >= 500 && code === 'Unknown')
  const facts = [code, `HTTP ${status}`, action, region, requestId && `request id ${requestId}`]
  return new ApiError(
    `AWS cannot ${PURPOSES[action]}: ${message} (${facts.filter(Boolean).join(', ')})`,
    {
      fate: stumbled ? 'unknown' : 'refused',
      status,
      providerCode: code,
      ...(requestId === undefined ? {} : { requestId }),
      passing: stumbled || [...THROTTLED, ...CHANGING, ...settling].includes(code) || status === 429,
    },
    {
      hints: [
        ...hintsFor({ code, message, action, region, ...skewOf(error, context.now) }),
        ...(encoded === undefined
          ? []
          : [`aws sts decode-authorization-message --encoded-message ${encoded}`]),
      ],
    },
  )
}

/** How far AWS's clock is ahead of ours, by the date of its answer. */
function skewOf(error: ServiceError, now: Date): { readonly skewMs?: number } {
  const there = Date.parse(error.$response?.headers?.['date'] ?? '')
  return Number.isNaN(there) ? {} : { skewMs: there - now.getTime() }
}

const NO_CREDENTIALS_TEXT =
  'amazonec2 driver requires AWS credentials configured with the --amazonec2-access-key and --amazonec2-secret-key options, environment variables, ~/.aws/credentials, or an instance role'

function noCredentials(error: Error, { action, region, secrets }: CallContext): ApiError {
  const code = 'CredentialsProviderError'
  const words = redactor(secrets)(error.message)
  return new ApiError(
    `${NO_CREDENTIALS_TEXT}: ${words}`,
    { fate: 'refused', providerCode: code },
    { hints: hintsFor({ code, message: words, action, region }) },
  )
}

function unreachable(error: unknown, context: CallContext): ApiError {
  const { action, region, endpoint, proxy, now } = context
  const where = endpoint === '' ? `AWS in ${region}` : `EC2 at ${endpoint}`
  const inner = connectCause(error)
  const refused = inner instanceof ProxyRefusal ? inner : undefined
  const through = proxy === undefined ? '' : `, through the proxy ${proxy}`
  const fault = refused
    ? {
        text: `the proxy refused: ${refused.message}`,
        hints: ['Ask who runs the proxy to allow this host, or set NO_PROXY for it.'],
        passing: refused.status >= 500,
      }
    : networkFault(inner ?? error, now)
  // Only a connection that never was is known to have brought nothing.
  const fate: Fate = inner === undefined && !isConnectCode(error) ? 'unknown' : 'unreachable'
  const text = redactor(context.secrets)(`${fault.text}${through}`)
  return new ApiError(
    `Cannot reach ${where} to ${PURPOSES[action]}: ${text}`,
    { fate, passing: fault.passing },
    { hints: fault.hints },
  )
}

function connectCause(error: unknown): unknown {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if (at instanceof ConnectError) return at.cause ?? at
  return undefined
}

function isConnectCode(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code
  return code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ECONNREFUSED'
}

/** Whether EC2 refused with one of these codes; a `*` at the end stands for anything. */
export function isRefusedWith(error: unknown, ...codes: readonly string[]): error is ApiError {
  if (!isApiError(error)) return false
  const own = error.providerCode ?? ''
  return codes.some((code) => (code.endsWith('*') ? own.startsWith(code.slice(0, -1)) : own === code))
}

/** The answer, or undefined where EC2 says that the thing does not exist. */
export async function ifThere<T>(asked: Promise<T>, ...codes: readonly string[]): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (isRefusedWith(error, ...codes)) return undefined
    throw error
  }
}

/** The words of an error without what differs from call to call, so that the same fault is told once. */
export function wordsOf(error: unknown): string {
  return messageOf(error).replace(/, request id [^,)]+/, '')
}
