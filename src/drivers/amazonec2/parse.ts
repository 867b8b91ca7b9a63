import { resolve } from 'node:path'
import type { FlagValues, JsonObject, ParsedConfig } from '../../contracts/driver.js'
import { profileRegion } from '../../util/aws-environment.js'
import { checkEndpoint } from '../common/api/endpoint.js'
import type { ConfigReader } from '../common/config-reader.js'
import { portFault } from '../common/flag-types.js'
import { parseWith } from '../common/flags.js'
import { readConfig } from './config.js'
import { DEFAULT_REGION, flags } from './flags.js'
import { readImageName } from './image-names.js'
import { readPort } from './ports.js'
import { tagPairs } from './tags.js'

/** Flag values as a config; all faults at once. */
export function parse(values: FlagValues): ParsedConfig {
  return parseWith(flags, values, (read, fault) => {
    const checked = new Faults(read, fault)
    checked.credentials()
    checked.machine()
    checked.place()
    return checked.config()
  })
}

const REGION = /^[a-z]{2,}(-[a-z]+)+-\d+$/
const HOPS = 64
const GB = { least: 1, most: 65_536 }

/** Reads the flags' values and says what is wrong with them. */
class Faults {
  readonly #region: string
  readonly #endpoint: string

  constructor(
    private readonly read: ConfigReader,
    private readonly fault: (text: string) => void,
  ) {
    this.#region = read.string('region') || profileRegion(read.string('profile')) || DEFAULT_REGION
    this.#endpoint = this.#readEndpoint()
  }

  config(): JsonObject {
    const { read } = this
    const types = read.list('instanceTypes')
    const path = (key: string): string => (read.string(key) === '' ? '' : resolve(read.string(key)))
    const config = readConfig({
      ...read.all(),
      region: this.#region,
      endpoint: this.#endpoint,
      instanceTypes: types.length > 0 ? types : [read.string('instanceType')].filter((type) => type !== ''),
      zone: this.#zone(),
      sshUser: read.string('sshUser') || this.#imageUser(),
      sshKeyPath: path('sshKeyPath'),
      userData: read.string('userData') === '-' ? '-' : path('userData'),
      ipv6: read.boolean('ipv6') || read.boolean('ipv6Only'),
    })
    const secret = (key: string): string => read.string(key).trim()
    return {
      ...config,
      accessKey: secret('accessKey'),
      secretKey: secret('secretKey'),
      sessionToken: secret('sessionToken'),
    }
  }

  credentials(): void {
    const { read } = this
    const access = read.string('accessKey').trim() !== ''
    const secret = read.string('secretKey').trim() !== ''
    if (access !== secret)
      this.fault(
        'amazonec2 driver requires both --amazonec2-access-key and --amazonec2-secret-key, or neither of them',
      )
    if (access && read.string('profile') !== '')
      this.fault(
        '--amazonec2-access-key (AWS_ACCESS_KEY_ID) and --amazonec2-profile (AWS_PROFILE) name two accounts: leave one of them out',
      )
    if (this.#endpoint === '' && !REGION.test(this.#region))
      this.fault(`--amazonec2-region: Invalid region specified: ${JSON.stringify(this.#region)}`)
    const retries = read.integer('retries') ?? -1
    if (retries < -1) this.fault('--amazonec2-retries wants -1 or a number of tries')
  }

  machine(): void {
    const { read } = this
    if (read.string('keypairName') !== '' && read.string('sshKeyPath') === '')
      this.fault('using --amazonec2-keypair-name also requires --amazonec2-ssh-keypath')
    this.#complain(portFault('amazonec2-ssh-port', read.integer('sshPort')))
    const image = readImageName(read.string('imageName'), read.string('imageOwner'))
    if ('fault' in image) this.fault(`--amazonec2-image-name: ${image.fault}`)
    const tags = tagPairs(read.string('tags'))
    if ('fault' in tags) this.fault(`--amazonec2-tags: ${tags.fault}`)
    const hops = read.integer('metadataHopLimit') ?? 1
    if (hops < 1 || hops > HOPS)
      this.fault(`--amazonec2-metadata-token-response-hop-limit wants 1 to ${HOPS} hops`)
    this.#disk()
    this.#market()
  }

  place(): void {
    const { read } = this
    for (const text of read.list('openPorts')) {
      const port = readPort(text)
      if ('fault' in port) this.fault(`--amazonec2-open-port: ${port.fault}`)
    }
    const given = read.list('securityGroups')
    if (read.boolean('securityGroupReadonly') && given.length === 0)
      this.fault('--amazonec2-security-group-readonly needs --amazonec2-security-group')
    if (read.boolean('privateAddressOnly') && read.boolean('ipv6Only'))
      this.fault('--amazonec2-private-address-only and --amazonec2-ipv6-only exclude each other')
  }

  #disk(): void {
    const { read } = this
    const size = read.integer('rootSize') ?? 0
    if (size < GB.least || size > GB.most)
      this.fault(`--amazonec2-root-size wants ${GB.least} to ${GB.most} GB`)
    if (read.string('volumeKmsKey') !== '' && !read.boolean('volumeEncrypted'))
      this.fault('--amazonec2-volume-kms-key needs --amazonec2-volume-encrypted')
  }

  #market(): void {
    const { read } = this
    const price = read.string('spotPrice')
    if (price !== '' && !(Number(price) > 0))
      this.fault(`--amazonec2-spot-price ${JSON.stringify(price)} is no price in USD an hour`)
  }

  #complain(text: string | undefined): void {
    if (text !== undefined) this.fault(text)
  }

  #readEndpoint(): string {
    const given = this.read.string('endpoint')
    const insecure = this.read.boolean('insecureTransport')
    if (given === '') {
      if (insecure) this.fault('--amazonec2-insecure-transport needs --amazonec2-endpoint')
      return ''
    }
    const text = given.includes('://') ? given : `${insecure ? 'http' : 'https'}://${given}`
    const checked = checkEndpoint(text)
    if ('url' in checked) return checked.url
    this.fault(`--amazonec2-endpoint: ${checked.fault}`)
    return ''
  }

  /** docker-machine's zones are letters of the region. */
  #zone(): string {
    const zone = this.read.string('zone')
    return /^[a-z]$/.test(zone) ? `${this.#region}${zone}` : zone
  }

  #imageUser(): string {
    if (this.read.string('ami') !== '') return 'ubuntu'
    const image = readImageName(this.read.string('imageName'), this.read.string('imageOwner'))
    return 'fault' in image ? '' : image.user
  }
}
