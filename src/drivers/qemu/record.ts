import type { JsonObject, RecordMapping } from '../../contracts/driver.js'
import { ConfigReader } from '../common/config-reader.js'
import { readConfig } from './config.js'
import { readVm } from './vm-record.js'

/** How a VM looks in docker-machine's `config.json`: the field names of its qemu driver, and the base keys it needs. */
export const qemuRecord: RecordMapping = {
  toFields(config, resources): JsonObject {
    const { memory, cpuCount, diskSize, network, program, image } = readConfig(config)
    const { enginePort, sshPort, address } = readVm(resources)
    return {
      Memory: memory,
      CPU: cpuCount,
      DiskSize: diskSize,
      Network: network,
      Program: program,
      Boot2DockerURL: image,
      EnginePort: enginePort,
      ...(address === '' ? {} : { IPAddress: address, SSHPort: sshPort }),
    }
  },
  /** Only what docker-machine's driver knows can have been changed by it; the rest is kept. */
  fromFields(fields, previous) {
    const read = new ConfigReader(fields)
    const changed = {
      memory: read.integer('Memory'),
      cpuCount: read.integer('CPU'),
      diskSize: read.integer('DiskSize'),
      network: read.string('Network') || undefined,
      program: read.string('Program') || undefined,
    }
    const config: Record<string, JsonObject[string]> = { ...previous?.config }
    for (const [key, value] of Object.entries(changed)) if (value !== undefined) config[key] = value
    return {
      config: { ...readConfig(config) },
      resources: previous?.resources ?? [],
    }
  },
}

/** Keys that docker-machine's qemu plugin always writes and we never do. */
const PLUGIN_KEYS = ['FirstQuery', 'VirtioDrives', 'DiskPath', 'CacheMode']

/** Its VMs boot boot2docker and are looked after through files of its own: they are not ours to drive. */
export function isOfPlugin(fields: JsonObject): boolean {
  return PLUGIN_KEYS.some((key) => key in fields)
}
