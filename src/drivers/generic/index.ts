import { isIP } from 'node:net'
import { resolve } from 'node:path'
import type { DriverCapabilities, DriverFactory, FlagValues, ParsedConfig } from '../../contracts/driver.js'
import { withoutBrackets } from '../common/address.js'
import { ConfigReader } from '../common/config-reader.js'
import { portFault } from '../common/flag-types.js'
import { parseWith } from '../common/flags.js'
import { GenericDriver } from './driver.js'
import { flags } from './flags.js'
import { readHostKey } from './host-key.js'
import { genericRecord } from './record.js'

const capabilities: DriverCapabilities = {
  power: false,
  suspend: false,
  console: false,
  localState: false,
  opaque: false,
  hostKey: 'first-use',
  ssh: true,
  bootImage: false,
  forwards: false,
  access: false,
  inventory: false,
}

/** Turns a Linux host that exists already into a machine, over SSH. */
export const factory: DriverFactory = {
  name: 'generic',
  summary: 'A Linux host that you have already, reached over SSH',
  capabilities,
  flags,
  parse,
  powerRefusal: {
    start: 'generic driver does not support start',
    stop: 'generic driver does not support stop',
    kill: 'generic driver does not support kill',
  },
  login(config) {
    const read = new ConfigReader(config)
    const keyPath = read.string('sshKey')
    const hostKey = read.string('hostKey')
    return {
      user: read.string('sshUser'),
      ...(keyPath === '' ? {} : { keyPath }),
      ...(hostKey === '' ? {} : { hostKey }),
      trustFirstUse: read.boolean('trustFirstUse'),
    }
  },
  record: genericRecord,
  open: ({ clock }) => Promise.resolve(new GenericDriver(clock)),
}

function parse(values: FlagValues): ParsedConfig {
  return parseWith(flags, values, (read, fault) => {
    const complain = (text: string | undefined): void => (text === undefined ? undefined : fault(text))
    const ipAddress = withoutBrackets(read.string('ipAddress').trim())
    complain(addressFault(ipAddress))
    const sshUser = read.string('sshUser')
    complain(userFault(sshUser))
    complain(portFault('generic-ssh-port', read.integer('sshPort')))
    complain(portFault('generic-engine-port', read.integer('enginePort')))
    const hostKey = read.string('hostKey') === '' ? { keys: '' } : readHostKey(read.string('hostKey'))
    complain('fault' in hostKey ? `--generic-host-key: ${hostKey.fault}` : undefined)
    return {
      ipAddress,
      sshUser,
      sshKey: read.string('sshKey') === '' ? '' : resolve(read.string('sshKey')),
      sshPort: read.integer('sshPort') ?? 0,
      enginePort: read.integer('enginePort') ?? 0,
      hostKey: 'keys' in hostKey ? hostKey.keys : '',
      trustFirstUse: read.boolean('trustFirstUse'),
    }
  })
}

const HOST_NAME = /^(?!-)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$/

function addressFault(address: string): string | undefined {
  if (address === '') return 'generic driver requires the --generic-ip-address option'
  const [bare = ''] = address.split('%')
  if (isIP(bare) > 0 || HOST_NAME.test(address)) return undefined
  return `--generic-ip-address ${JSON.stringify(address)} is neither an address nor a host name (give user and port with --generic-ssh-user and --generic-ssh-port)`
}

/** A user name that starts with a dash would be an option to ssh; blanks and control characters are in no name. */
function userFault(user: string): string | undefined {
  return /^[^-\s@:\p{Cc}][^\s:\p{Cc}]*$/u.test(user)
    ? undefined
    : `--generic-ssh-user ${JSON.stringify(user)} is not a user name`
}
