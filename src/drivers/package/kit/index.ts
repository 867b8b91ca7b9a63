/** `tsmachine/driver`: what driver packages are written with (docs/writing-a-driver.md). */
export {
  MachineError,
  isMachineError,
  messageOf,
  type ErrorCode,
  type ErrorDetails,
} from '../../../contracts/errors.js'
export { DRIVER_CONTRACT } from '../../../contracts/driver-version.js'
export type {
  AccessRules,
  BootImageFiles,
  ConsoleOptions,
  Diagnosis,
  Driver,
  DriverAccount,
  DriverCapabilities,
  DriverDeps,
  DriverEvent,
  DriverMachine,
  Endpoint,
  FlagSpec,
  FlagValues,
  FoundResource,
  HostLogin,
  InventoryPlace,
  Json,
  JsonObject,
  MachineIdentity,
  MachineSpec,
  PreflightFault,
  SeedDocuments,
  StateReport,
} from '../../../contracts/driver.js'
export type { Clock } from '../../../contracts/clock.js'
export type { Resource } from '../../../contracts/record.js'
export type { MachineState } from '../../../contracts/state.js'
export { ConfigReader } from '../../common/config-reader.js'
export { timeoutSignal } from '../../../util/abort.js'
export {
  pending,
  retry,
  waitFor,
  withDeadline,
  type RetryOptions,
  type WaitOptions,
} from '../../../util/wait.js'
export {
  DEFAULT_CAPABILITIES,
  defineDriver,
  type DriverDefinition,
  type DriverPackage,
  type DriverWork,
} from './define.js'
export { standardEndpoint } from './endpoint.js'
export { statesByAccount } from './states.js'
export {
  madeResource,
  makeResource,
  removeResources,
  type MadeThing,
  type Making,
  type Removing,
} from './resources.js'
