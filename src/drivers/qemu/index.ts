import type { DriverCapabilities, DriverFactory } from '../../contracts/driver.js'
import { parse, readConfig } from './config.js'
import { flags } from './flags.js'
import { networkOf } from './network-choice.js'
import { isOfPlugin, qemuRecord } from './record.js'
import { shareUserData } from './shares.js'

const capabilities: DriverCapabilities = {
  power: true,
  suspend: true,
  console: true,
  localState: true,
  opaque: false,
  hostKey: 'given',
  ssh: true,
  bootImage: true,
  forwards: true,
  access: false,
  inventory: false,
}

/** Makes VMs on this computer with QEMU. */
export const factory: DriverFactory = {
  name: 'qemu',
  summary: 'A virtual machine on this computer, run by QEMU',
  capabilities,
  snapshots: true,
  flags,
  parse,
  record: qemuRecord,
  isOfPlugin,
  userData: (config) => shareUserData(readConfig(config).shares),
  wantsBootImage: (config) => readConfig(config).image === '',
  seedsEngine: (config) => networkOf(readConfig(config).network).mode === 'user',
  async diagnose(deps, options) {
    const { diagnose } = await import('./diagnose.js')
    return await diagnose(deps, options)
  },
  async forgetImage(deps, digest) {
    const { forgetTemplates } = await import('./template.js')
    await forgetTemplates(deps.cacheDir, digest)
  },
  async open(deps) {
    const { QemuDriver } = await import('./driver.js')
    return new QemuDriver(deps)
  },
}
