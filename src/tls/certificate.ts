import { createPublicKey, randomBytes, sign, type KeyObject, type X509Certificate } from 'node:crypto'
import { Der, loadForge, type Asn1 } from './der.js'
import { declaredKeyId, extensions, type Purpose } from './extensions.js'
import { keyKind, type KeyKind } from './keys.js'
import { normalSans } from './names.js'

/** Who signs: a CA certificate and its key. */
export interface Signer {
  readonly certificate: X509Certificate
  readonly key: KeyObject
}

export interface CertificateRequest {
  readonly purpose: Purpose
  /** Distinguishes certificates; never the same as the CA's (OpenSSL would take a leaf for self-signed). */
  readonly commonName: string
  /** Private key of the subject. */
  readonly key: KeyObject
  readonly sans?: readonly string[]
  /** A server's certificate that is good for a client as well. */
  readonly clientAuth?: boolean
  readonly days: number
  readonly now: Date
  /** Absent: signed by its own key. */
  readonly signer?: Signer
}

const DAY_MS = 86_400_000
/** A host whose clock is behind (or keeps local time) must not see a certificate of the future. */
const BACKDATE_DAYS = 1
/** Upper bound of X.520 for a common name. */
const COMMON_NAME_LENGTH = 64

const ORGANISATIONAL_UNIT: Readonly<Record<Purpose, string>> = {
  ca: 'CA',
  server: 'engine',
  client: 'client',
}
const SIGNATURE_OID: Readonly<Record<KeyKind, string>> = {
  ec: '1.2.840.10045.4.3.2',
  rsa: '1.2.840.113549.1.1.11',
}

/** Writes and signs an X.509 v3 certificate (RFC 5280) with SHA-256; returns PEM. */
export async function writeCertificate(request: CertificateRequest): Promise<string> {
  const der = new Der(await loadForge())
  const signingKey = request.signer?.key ?? request.key
  const algorithm = signatureAlgorithm(der, keyKind(signingKey))
  const body = toBeSigned(der, request, algorithm)
  const signature = sign('sha256', der.encode(body), signingKey)
  return toPem(der.encode(der.sequence(body, algorithm, der.bits(signature))))
}

function toBeSigned(der: Der, request: CertificateRequest, algorithm: Asn1): Asn1 {
  const publicKey = createPublicKey(request.key)
  const notBefore = new Date(request.now.getTime() - BACKDATE_DAYS * DAY_MS)
  const notAfter = endOf(notBefore, request)
  const subject = distinguishedName(der, request)
  const authorityKeyId = request.signer ? declaredKeyId(der, request.signer.certificate.raw) : undefined
  return der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))),
    der.integer(serialNumber()),
    algorithm,
    request.signer ? subjectOf(der, request.signer.certificate) : subject,
    der.sequence(der.time(notBefore), der.time(notAfter)),
    subject,
    der.parse(publicKey.export({ type: 'spki', format: 'der' })),
    extensions(der, {
      purpose: request.purpose,
      publicKey,
      sans: normalSans(request.sans ?? []),
      ...(request.clientAuth ? { clientAuth: true } : {}),
      ...(authorityKeyId ? { authorityKeyId } : {}),
    }),
  )
}

/** A leaf is worth nothing without its CA: dates that say so are dates that `ls` can show. */
function endOf(notBefore: Date, { days, signer }: CertificateRequest): Date {
  const end = notBefore.getTime() + days * DAY_MS
  return new Date(signer ? Math.min(end, Date.parse(signer.certificate.validTo)) : end)
}

function signatureAlgorithm(der: Der, kind: KeyKind): Asn1 {
  return der.sequence(der.oid(SIGNATURE_OID[kind]), ...(kind === 'rsa' ? [der.null()] : []))
}

function distinguishedName(der: Der, request: CertificateRequest): Asn1 {
  const part = (oid: string, text: string): Asn1 => der.set(der.sequence(der.oid(oid), der.utf8(text)))
  return der.sequence(
    part('2.5.4.10', 'tsmachine'),
    part('2.5.4.11', ORGANISATIONAL_UNIT[request.purpose]),
    part('2.5.4.3', request.commonName.slice(0, COMMON_NAME_LENGTH)),
  )
}

/** The signer's name byte for byte: verifiers compare encodings, and docker-machine's uses other string types. */
function subjectOf(der: Der, certificate: X509Certificate): Asn1 {
  const body = (der.parse(certificate.raw).value as Asn1[])[0]
  const subject = (body?.value as Asn1[])[5]
  if (!subject) throw new TypeError('the CA certificate is not of version 3')
  return subject
}

/** 126 random bits: positive, and never with a leading zero byte. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes
}

function toPem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
