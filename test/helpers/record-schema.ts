/** Names, order and Go types of docker-machine's `config.json`, version 3, written down apart from the product's own. */

type GoType = 'string' | 'int' | 'float' | 'bool' | 'strings' | Schema
interface Schema {
  readonly [key: string]: GoType
}

const DRIVER: Schema = {
  IPAddress: 'string',
  MachineName: 'string',
  SSHUser: 'string',
  SSHPort: 'int',
  SSHKeyPath: 'string',
  StorePath: 'string',
  SwarmMaster: 'bool',
  SwarmHost: 'string',
  SwarmDiscovery: 'string',
}

const HOST_OPTIONS: Schema = {
  Driver: 'string',
  Memory: 'int',
  Disk: 'int',
  EngineOptions: {
    ArbitraryFlags: 'strings',
    Dns: 'strings',
    GraphDir: 'string',
    Env: 'strings',
    Ipv6: 'bool',
    InsecureRegistry: 'strings',
    Labels: 'strings',
    LogLevel: 'string',
    StorageDriver: 'string',
    SelinuxEnabled: 'bool',
    TlsVerify: 'bool',
    RegistryMirror: 'strings',
    InstallURL: 'string',
  },
  SwarmOptions: {
    IsSwarm: 'bool',
    Address: 'string',
    Discovery: 'string',
    Agent: 'bool',
    Master: 'bool',
    Host: 'string',
    Image: 'string',
    Strategy: 'string',
    Heartbeat: 'int',
    Overcommit: 'float',
    ArbitraryFlags: 'strings',
    ArbitraryJoinFlags: 'strings',
    Env: 'strings',
    IsExperimental: 'bool',
  },
  AuthOptions: {
    CertDir: 'string',
    CaCertPath: 'string',
    CaPrivateKeyPath: 'string',
    CaCertRemotePath: 'string',
    ServerCertPath: 'string',
    ServerKeyPath: 'string',
    ClientKeyPath: 'string',
    ServerCertRemotePath: 'string',
    ServerKeyRemotePath: 'string',
    ClientCertPath: 'string',
    ServerCertSANs: 'strings',
    StorePath: 'string',
  },
}

const GO_TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  int: (value) => Number.isInteger(value),
  float: (value) => typeof value === 'number',
  bool: (value) => typeof value === 'boolean',
  strings: (value) =>
    value === null || (Array.isArray(value) && value.every((item) => typeof item === 'string')),
}

/**
 * Everything in which a text differs from a record that docker-machine's 3rd version would write with the same values.
 * @param driver the driver's own fields, in their order, after the base ones
 */
export function recordFaults(text: string, driver: Schema): readonly string[] {
  const record = JSON.parse(text) as Readonly<Record<string, unknown>>
  return [
    ...(text.endsWith('}') ? [] : ['there is a line break at the end']),
    ...(/^\{\n {4}"ConfigVersion": 3,\n {4}"Driver": \{\n {8}"/.test(text) ? [] : ['not indented by 4']),
    ...faultsOf('', record, {
      ConfigVersion: 'int',
      Driver: { ...DRIVER, ...driver },
      DriverName: 'string',
      HostOptions: HOST_OPTIONS,
      Name: 'string',
    }),
  ]
}

function faultsOf(path: string, value: unknown, type: GoType): readonly string[] {
  if (typeof type === 'string')
    return GO_TYPES[type]?.(value) ? [] : [`${path} is no ${type}: ${JSON.stringify(value)}`]
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is no struct`]
  const keys = Object.keys(value)
  const wanted = Object.keys(type)
  const order = keys.join() === wanted.join() ? [] : [`${path} has keys ${keys.join()}, not ${wanted.join()}`]
  const inner = Object.entries(type).flatMap(([key, each]) =>
    faultsOf(`${path}.${key}`, (value as Readonly<Record<string, unknown>>)[key], each),
  )
  return [...order, ...inner]
}
