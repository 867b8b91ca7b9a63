/** Who asks: AWS signatures of version 4, computed again and compared. */
import { createHash, createHmac } from 'node:crypto'
import type { Clock } from '../../../src/contracts/clock.js'
import { Ec2Error, refuse } from './errors.js'

export interface Credential {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expired?: boolean
  /** Actions that its user has no permission for. */
  readonly denied?: readonly string[]
}

/** May do everything; a form that no real key has. */
export const CREDENTIAL: Credential = {
  accessKeyId: 'AKIDDOUBLE0000000000',
  secretAccessKey: 'double-secret',
}

export interface SignedRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Signer {
  readonly credential: Credential
  /** Region of the signature: one endpoint serves all. */
  readonly region: string
}

const FORM =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
const SKEW_MS = 15 * 60_000

function strange(): Ec2Error {
  return new Ec2Error('AuthFailure', 'AWS was not able to validate the provided access credentials')
}

/** @throws Ec2Error MissingAuthenticationToken, AuthFailure, RequestExpired */
export function signerOf(
  request: SignedRequest,
  known: readonly Credential[],
  clock: Clock,
  service = 'ec2',
): Signer {
  const header = request.headers['authorization']
  if (header === undefined)
    return refuse('MissingAuthenticationToken', 'Request is missing Authentication Token')
  const [, key = '', day = '', region = '', forService = '', signed = '', signature = ''] =
    FORM.exec(header) ?? []
  const credential = known.find((each) => each.accessKeyId === key)
  if (!credential || forService !== service) throw strange()
  if (credential.sessionToken !== request.headers['x-amz-security-token']) throw strange()
  const stamp = request.headers['x-amz-date'] ?? ''
  const expected = sign(request, { credential, stamp, signed, scope: [day, region, service, 'aws4_request'] })
  if (signature !== expected) throw strange()
  checkTime(stamp, clock)
  if (credential.expired) refuse('RequestExpired', 'Request has expired.')
  return { credential, region }
}

/** 20261121T103000Z, not older than 15 minutes and not so far ahead. */
function checkTime(stamp: string, clock: Clock): void {
  const iso = stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const off = Math.abs(Date.parse(iso) - clock.now().getTime())
  if (!(off <= SKEW_MS)) refuse('RequestExpired', `Request has expired. Timestamp date is ${iso}`)
}

interface Parts {
  readonly credential: Credential
  readonly stamp: string
  readonly signed: string
  readonly scope: readonly string[]
}

function sign(request: SignedRequest, { credential, stamp, signed, scope }: Parts): string {
  const headers = signed.split(';').map((name) => `${name}:${(request.headers[name] ?? '').trim()}\n`)
  const canonical = [request.method, request.path, '', headers.join(''), signed, sha256(request.body)].join(
    '\n',
  )
  const text = ['AWS4-HMAC-SHA256', stamp, scope.join('/'), sha256(canonical)].join('\n')
  const key = scope.reduce<Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    Buffer.from(`AWS4${credential.secretAccessKey}`),
  )
  return createHmac('sha256', key).update(text).digest('hex')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
