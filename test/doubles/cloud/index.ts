export { CloudDouble, TOKEN, type DoubleOptions, type LoggedRequest, type RequestHook } from './double.js'
export type { Fault, FaultKind } from './faults.js'
export type { Conditions, Times } from './power.js'
export type { TokenRights } from './tokens.js'
