import { dockerMachineRecord } from './records.js'

type Fields = Record<string, unknown>

/** Fields of docker-machine's qemu driver beside the base ones, with the zero values that Go writes for them. */
const QEMU_FIELDS: Fields = {
  EnginePort: 0,
  FirstQuery: false,
  Memory: 0,
  DiskSize: 0,
  CPU: 0,
  Program: '',
  Display: false,
  DisplayType: '',
  Nographic: false,
  VirtioDrives: false,
  Network: '',
  PrivateNetwork: '',
  Boot2DockerURL: '',
  NetworkInterface: '',
  NetworkAddress: '',
  NetworkBridge: '',
  CaCertPath: '',
  PrivateKeyPath: '',
  DiskPath: '',
  CacheMode: '',
  IOMode: '',
  UserDataFile: '',
  CloudConfigRoot: '',
  LocalPorts: '',
}

/** What docker-machine writes after reading `text`: the fields of its own structs, in their order; any other is gone. */
export function asDockerMachineWrites(text: string): string {
  const struct = JSON.parse(dockerMachineRecord('none')) as Fields
  const { URL: _none, ...base } = struct['Driver'] as Fields
  const known = { ...struct, Driver: { ...base, ...QEMU_FIELDS } }
  return JSON.stringify(fill(known, JSON.parse(text) as Fields), null, 4)
}

function fill(struct: Fields, given: Fields): Fields {
  return Object.fromEntries(
    Object.entries(struct).map(([key, zero]) => {
      const value = given[key] ?? zero
      return [key, isStruct(zero) && isStruct(value) ? fill(zero, value) : value]
    }),
  )
}

function isStruct(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
