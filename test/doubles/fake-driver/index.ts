import type { DriverFactory, FlagSpec } from '../../../src/contracts/driver.js'
import { ConfigReader } from '../../../src/drivers/common/config-reader.js'
import { parseWith } from '../../../src/drivers/common/flags.js'
import { FakeDriver } from './driver.js'

const flags: readonly FlagSpec[] = [
  {
    name: 'fake-dir',
    key: 'dir',
    type: 'string',
    env: 'FAKE_DIR',
    summary: 'Directory of the double (required)',
  },
  {
    name: 'fake-size',
    key: 'size',
    type: 'string',
    env: 'FAKE_SIZE',
    default: 'small',
    options: ['small', 'large'],
    summary: 'Size of the server',
  },
  {
    name: 'fake-region',
    key: 'region',
    type: 'string',
    env: 'FAKE_REGION',
    default: 'earth',
    summary: 'Region',
  },
  {
    name: 'fake-disk',
    key: 'disk',
    type: 'integer',
    env: 'FAKE_DISK',
    default: 10,
    summary: 'Disk in GB',
    value: 'GB',
  },
  {
    name: 'fake-token',
    key: 'token',
    type: 'string',
    env: 'FAKE_TOKEN',
    secret: true,
    summary: 'Token of the account',
  },
  {
    name: 'fake-note',
    key: 'note',
    type: 'string',
    summary: 'Any text',
  },
]

/** A driver for tests whose provider is a JSON file with scripted faults. */
export const factory: DriverFactory = {
  name: 'fake',
  summary: 'Servers of a provider double',
  capabilities: {
    power: true,
    suspend: false,
    console: true,
    localState: false,
    opaque: false,
    hostKey: 'given',
    ssh: true,
    bootImage: false,
    forwards: false,
    access: true,
    inventory: true,
  },
  flags,
  parse: (values) =>
    parseWith(flags, values, (read, fault) => {
      if (read.string('dir') === '') fault('fake driver requires the --fake-dir option')
      if ((read.integer('disk') ?? 0) < 1) fault('--fake-disk wants at least 1 GB')
      return read.all()
    }),
  record: {
    toFields: (config, resources) => ({
      FakeConfig: config,
      ServerID: resources.find(({ kind }) => kind === 'server')?.id ?? '',
    }),
    fromFields: (fields, previous) => ({
      config: previous?.config ?? { dir: new ConfigReader(fields).string('Dir') },
      resources: previous?.resources ?? [],
    }),
  },
  login: () => ({ user: 'docker', trustFirstUse: false }),
  adopt: ({ config }, { resource }) => ({ config, resources: [resource] }),
  open: (deps) => Promise.resolve(new FakeDriver(deps)),
}
