import type { DriverCapabilities } from '../../../contracts/driver.js'

/** What every driver on this kit can do; a provider that shows the serial console adds `console`. */
export const CLOUD_CAPABILITIES: DriverCapabilities = {
  power: true,
  suspend: false,
  console: false,
  localState: false,
  opaque: false,
  hostKey: 'given',
  ssh: true,
  bootImage: false,
  forwards: false,
  access: true,
  inventory: true,
}
