import type forgeModule from 'node-forge'

/** The part of node-forge that we use: its ASN.1 writer. Keys, signatures and parsing are Node's own. */
export type Forge = typeof forgeModule
export type Asn1 = forgeModule.asn1.Asn1

/** Loads node-forge when a certificate is to be written; no reader of certificates needs it. */
export async function loadForge(): Promise<Forge> {
  return (await import('node-forge')).default
}

/** ITU-T X.690 values by the names of X.680. */
export class Der {
  readonly #asn1: Forge['asn1']

  constructor(readonly forge: Forge) {
    this.#asn1 = forge.asn1
  }

  sequence(...items: Asn1[]): Asn1 {
    return this.#make(this.#asn1.Type.SEQUENCE, true, items)
  }

  set(...items: Asn1[]): Asn1 {
    return this.#make(this.#asn1.Type.SET, true, items)
  }

  oid(dotted: string): Asn1 {
    return this.#make(this.#asn1.Type.OID, false, this.#asn1.oidToDer(dotted).getBytes())
  }

  null(): Asn1 {
    return this.#make(this.#asn1.Type.NULL, false, '')
  }

  boolean(value: boolean): Asn1 {
    return this.#make(this.#asn1.Type.BOOLEAN, false, value ? '\xff' : '\x00')
  }

  /** A positive number given by its bytes; the first bit must be clear. */
  integer(bytes: Buffer): Asn1 {
    return this.#make(this.#asn1.Type.INTEGER, false, bytes.toString('latin1'))
  }

  utf8(text: string): Asn1 {
    return this.#make(this.#asn1.Type.UTF8, false, Buffer.from(text, 'utf8').toString('latin1'))
  }

  octets(bytes: Buffer): Asn1 {
    return this.#make(this.#asn1.Type.OCTETSTRING, false, bytes.toString('latin1'))
  }

  bits(bytes: Buffer, unused = 0): Asn1 {
    return this.#make(
      this.#asn1.Type.BITSTRING,
      false,
      Buffer.concat([Buffer.from([unused]), bytes]).toString('latin1'),
    )
  }

  /** RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. */
  time(date: Date): Asn1 {
    return date.getUTCFullYear() < 2050
      ? this.#make(this.#asn1.Type.UTCTIME, false, this.#asn1.dateToUtcTime(date))
      : this.#make(this.#asn1.Type.GENERALIZEDTIME, false, this.#asn1.dateToGeneralizedTime(date))
  }

  /** `[number] EXPLICIT` around items. */
  explicit(number: number, ...items: Asn1[]): Asn1 {
    return this.#asn1.create(this.#asn1.Class.CONTEXT_SPECIFIC, number, true, items)
  }

  /** `[number] IMPLICIT` of a primitive value. */
  implicit(number: number, bytes: Buffer): Asn1 {
    return this.#asn1.create(this.#asn1.Class.CONTEXT_SPECIFIC, number, false, bytes.toString('latin1'))
  }

  /** A value that somebody else encoded. */
  parse(bytes: Buffer): Asn1 {
    return this.#asn1.fromDer(bytes.toString('latin1'))
  }

  encode(value: Asn1): Buffer {
    return Buffer.from(this.#asn1.toDer(value).getBytes(), 'latin1')
  }

  #make(type: forgeModule.asn1.Type, constructed: boolean, value: string | Asn1[]): Asn1 {
    return this.#asn1.create(this.#asn1.Class.UNIVERSAL, type, constructed, value)
  }
}
