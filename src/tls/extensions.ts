import { createHash, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import type { Asn1, Der } from './der.js'
import { ipBytes } from './names.js'

/** Purposes of a certificate; each gets exactly the rights that it needs. */
export type Purpose = 'ca' | 'server' | 'client'

const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const

export interface ExtensionInput {
  readonly purpose: Purpose
  readonly publicKey: KeyObject
  /** Key identifier of the signer; absent when its certificate has none. */
  readonly authorityKeyId?: Buffer
  readonly sans: readonly string[]
  /** A server that is a client too: the manager of a classic swarm asks the engines of others. */
  readonly clientAuth?: boolean
}

/** The `extensions` field of a certificate (RFC 5280 4.2). */
export function extensions(der: Der, input: ExtensionInput): Asn1 {
  const items = [basicConstraints(der, input.purpose), keyUsage(der, input)]
  if (input.purpose !== 'ca') items.push(extendedKeyUsage(der, input.purpose, input.clientAuth === true))
  items.push(extension(der, OID.subjectKeyIdentifier, false, der.octets(keyId(input.publicKey))))
  if (input.authorityKeyId) items.push(authorityKeyIdentifier(der, input.authorityKeyId))
  if (input.sans.length > 0) items.push(subjectAltName(der, input.sans))
  return der.explicit(3, der.sequence(...items))
}

/** RFC 5280 4.2.1.2 method 1: SHA-1 of the public key's bits (a name, not a protection). */
export function keyId(publicKey: KeyObject): Buffer {
  return createHash('sha1').update(publicKeyBits(publicKey)).digest()
}

/** Content of the SubjectPublicKeyInfo's last element. */
function publicKeyBits(publicKey: KeyObject): Buffer {
  if (publicKey.asymmetricKeyType === 'rsa') return publicKey.export({ type: 'pkcs1', format: 'der' })
  const jwk = publicKey.export({ format: 'jwk' })
  const point = [jwk.x, jwk.y].map((part) => Buffer.from(part ?? '', 'base64url'))
  return Buffer.concat([Buffer.from([4]), ...point])
}

function extension(der: Der, oid: string, critical: boolean, value: Asn1): Asn1 {
  const flag = critical ? [der.boolean(true)] : []
  return der.sequence(der.oid(oid), ...flag, der.octets(der.encode(value)))
}

function basicConstraints(der: Der, purpose: Purpose): Asn1 {
  const value =
    purpose === 'ca' ? der.sequence(der.boolean(true), der.integer(Buffer.from([0]))) : der.sequence()
  return extension(der, OID.basicConstraints, true, value)
}

/** Bit 0 digitalSignature, 2 keyEncipherment (RSA key exchange), 5 keyCertSign, 6 cRLSign. */
function keyUsage(der: Der, input: ExtensionInput): Asn1 {
  const rsa = input.publicKey.asymmetricKeyType === 'rsa'
  const [byte, unused] = input.purpose === 'ca' ? [0x06, 1] : rsa ? [0xa0, 5] : [0x80, 7]
  return extension(der, OID.keyUsage, true, der.bits(Buffer.from([byte]), unused))
}

/** A usual server certificate has no clientAuth: who breaks into one host must not be a client of all others. */
function extendedKeyUsage(der: Der, purpose: 'server' | 'client', also: boolean): Asn1 {
  return extension(
    der,
    OID.extendedKeyUsage,
    false,
    der.sequence(
      ...(purpose === 'server' ? [der.oid(OID.serverAuth)] : []),
      ...(purpose === 'client' || also ? [der.oid(OID.clientAuth)] : []),
    ),
  )
}

function authorityKeyIdentifier(der: Der, id: Buffer): Asn1 {
  return extension(der, OID.authorityKeyIdentifier, false, der.sequence(der.implicit(0, id)))
}

function subjectAltName(der: Der, sans: readonly string[]): Asn1 {
  const names = sans.map((san) =>
    isIP(san) ? der.implicit(7, ipBytes(san)) : der.implicit(2, Buffer.from(san, 'latin1')),
  )
  return extension(der, OID.subjectAltName, false, der.sequence(...names))
}

/** Key identifier that a certificate declares for itself, found in its DER; undefined when it has none. */
export function declaredKeyId(der: Der, certificate: Buffer): Buffer | undefined {
  const wanted = der.encode(der.oid(OID.subjectKeyIdentifier))
  const at = certificate.indexOf(wanted)
  if (at < 0) return undefined
  // extnValue OCTET STRING around an OCTET STRING; both lengths are short.
  const value = certificate.subarray(at + wanted.length)
  if (value[0] !== 4 || value[2] !== 4) return undefined
  return value.subarray(4, 4 + (value[3] ?? 0))
}
