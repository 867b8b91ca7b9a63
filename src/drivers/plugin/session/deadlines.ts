import type { PluginMethod } from '../wire/plugin-api.js'

/** What a call is like, as far as its time is concerned. */
export type CallKind =
  'version' | 'beat' | 'close' | 'flags' | 'config' | 'read' | 'check' | 'create' | 'change'

/** Milliseconds that a call of each kind may take. Reads may ask a cloud; `change` waits for a whole boot or shutdown. */
export type Deadlines = Readonly<Record<CallKind, number>>

export const DEADLINES: Deadlines = {
  version: 10_000,
  beat: 15_000,
  close: 2_000,
  flags: 10_000,
  config: 10_000,
  read: 30_000,
  check: 5 * 60_000,
  create: 30 * 60_000,
  change: 10 * 60_000,
}

export const KINDS: Readonly<Record<PluginMethod, CallKind>> = {
  GetVersion: 'version',
  Heartbeat: 'beat',
  Close: 'close',
  GetCreateFlags: 'flags',
  SetConfigRaw: 'config',
  GetConfigRaw: 'config',
  DriverName: 'read',
  GetMachineName: 'read',
  GetIP: 'read',
  GetSSHHostname: 'read',
  GetSSHKeyPath: 'read',
  GetSSHPort: 'read',
  GetSSHUsername: 'read',
  GetURL: 'read',
  GetState: 'read',
  // Some ask their provider already.
  SetConfigFromFlags: 'check',
  PreCreateCheck: 'check',
  Create: 'create',
  Remove: 'change',
  Start: 'change',
  Stop: 'change',
  Restart: 'change',
  Kill: 'change',
}

/** Kinds that change something at the provider: cut off, nobody would know what was done. */
export const CHANGING: ReadonlySet<CallKind> = new Set(['create', 'change'])

/** How often a plugin is told that we are still here; it ends when it hears nothing for 10 s. */
export const HEARTBEAT_MS = 5_000
