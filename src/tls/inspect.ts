import { X509Certificate } from 'node:crypto'
import { MachineError, messageOf } from '../contracts/errors.js'
import { normalSan, normalSans } from './names.js'

const DAY_MS = 86_400_000
/** A leaf with fewer days left than this is renewed by `start`, `provision` and `config`. */
export const RENEW_UNDER_DAYS = 90

export interface CertificateInfo {
  readonly notBefore: Date
  readonly notAfter: Date
  /** Whole days until it ends; negative when it has ended. */
  readonly daysLeft: number
  /** Names and addresses in normal form. */
  readonly sans: readonly string[]
  /** Whether the given CA signed it; undefined when none was given. */
  readonly issuerMatches: boolean | undefined
}

/**
 * What a PEM certificate says.
 * @throws MachineError `tls` when it is not one
 */
export function certificateInfo(pem: string, options: { now?: Date; caPem?: string } = {}): CertificateInfo {
  const certificate = readCertificate(pem, 'the certificate')
  const notAfter = new Date(certificate.validTo)
  const now = options.now ?? new Date()
  return {
    notBefore: new Date(certificate.validFrom),
    notAfter,
    daysLeft: Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS),
    sans: sansOf(certificate),
    issuerMatches:
      options.caPem === undefined
        ? undefined
        : isSignedBy(certificate, readCertificate(options.caPem, 'the CA certificate')),
  }
}

/** What a server certificate must be. */
export interface RenewalRequirement {
  readonly sans: readonly string[]
  readonly caPem: string
  /** It must be good for a client as well. */
  readonly clientAuth?: boolean
  readonly now?: Date
}

/** Why a server certificate has to be renewed, in words; undefined when it is fine. */
export function needsRenewal(pem: string, wanted: RenewalRequirement): string | undefined {
  let info: CertificateInfo
  try {
    info = certificateInfo(pem, { caPem: wanted.caPem, ...(wanted.now ? { now: wanted.now } : {}) })
  } catch {
    return 'it cannot be read'
  }
  if (!info.issuerMatches) return 'it is not signed by the CA of this store'
  if (info.daysLeft < 0) return `it expired on ${dayOf(info.notAfter)}`
  if (info.notBefore > (wanted.now ?? new Date())) return `it is not valid before ${dayOf(info.notBefore)}`
  if (info.daysLeft < RENEW_UNDER_DAYS && !endsWithCa(info, wanted.caPem))
    return `it expires in ${info.daysLeft} days`
  if (wanted.clientAuth && !isForClients(pem)) return 'the manager of a swarm cannot use it'
  const missing = normalSans(wanted.sans).filter((san) => !info.sans.includes(san))
  return missing.length > 0 ? `it is not valid for ${missing.join(', ')}` : undefined
}

/** A day as it is written in texts. */
export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10)
}

/** Another one of this CA would end with it as well. */
function endsWithCa({ notAfter }: CertificateInfo, caPem: string): boolean {
  return notAfter >= new Date(readCertificate(caPem, 'the CA certificate').validTo)
}

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

function isForClients(pem: string): boolean {
  return (readCertificate(pem, 'the certificate').keyUsage ?? []).includes(CLIENT_AUTH)
}

/** @throws MachineError `tls` naming what could not be read */
export function readCertificate(pem: string, what: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw new MachineError('tls', `${what} is not a certificate: ${messageOf(error)}`, { cause: error })
  }
}

/** Name, key identifier and signature all fit. */
export function isSignedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  return certificate.checkIssued(ca) && certificate.verify(ca.publicKey)
}

/** Node writes names with commas or quotes as JSON strings. */
const SAN = /(?:^|, )(?:DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g

function sansOf(certificate: X509Certificate): string[] {
  return [...(certificate.subjectAltName ?? '').matchAll(SAN)].map(([, text = '']) =>
    normalSan(text.startsWith('"') ? (JSON.parse(text) as string) : text),
  )
}
