import type { DriverCapabilities, DriverFactory, FlagValues, ParsedConfig } from '../../contracts/driver.js'
import { ConfigReader } from '../common/config-reader.js'
import { hostPort } from '../common/address.js'
import { parseWith } from '../common/flags.js'
import { NoneDriver } from './driver.js'
import { flags } from './flags.js'
import { engineAddress, urlFault } from './url.js'

const capabilities: DriverCapabilities = {
  power: false,
  suspend: false,
  console: false,
  localState: true,
  opaque: false,
  hostKey: 'first-use',
  ssh: false,
  bootImage: false,
  forwards: false,
  access: false,
  inventory: false,
}

/** Records an engine that somebody else looks after: a name for its URL. */
export const factory: DriverFactory = {
  name: 'none',
  summary: 'A name for an engine that runs already; nothing is made or provisioned',
  capabilities,
  flags,
  parse,
  powerRefusal: {
    start: 'hosts without a driver cannot be started',
    stop: 'hosts without a driver cannot be stopped',
    kill: 'hosts without a driver cannot be killed',
    restart: 'hosts without a driver cannot be restarted',
  },
  record: {
    toFields(config) {
      const url = new ConfigReader(config).string('url')
      const { host, port } = engineAddress(url)
      return { IPAddress: host === '' ? '' : hostPort(host, port), URL: url }
    },
    fromFields: (fields) => ({ config: { url: new ConfigReader(fields).string('URL') }, resources: [] }),
    login: () => ({ user: '', keyFile: '' }),
  },
  open: () => Promise.resolve(new NoneDriver()),
}

function parse(values: FlagValues): ParsedConfig {
  return parseWith(flags, values, (read, fault) => {
    const url = read.string('url')
    if (url === '') fault('--url option is required when no driver is selected')
    const wrong = urlFault(url)
    if (wrong !== undefined) fault(wrong)
    return { url }
  })
}
