/**
 * What a driver plugin of docker-machine offers over Go's `net/rpc` (service `RPCServerDriver`, API version 1), as
 * types: the client has these as calls, and what we serve implements them.
 */

/** The only API version that there ever was. */
export const API_VERSION = 1

/** One create flag, as `GetCreateFlags` tells it. A boolean's default is always false. */
export type PluginFlag = {
  /** Long name without dashes. */
  readonly name: string
  readonly usage: string
  /** Empty where there is none. */
  readonly envVar: string
} & (
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'stringSlice'; readonly value: readonly string[] }
  | { readonly kind: 'bool' }
)

/** A value of `SetConfigFromFlags`: `{ int: 4 }` rather than a bare number, as Go's drivers insist on the exact type. */
export type PluginFlagValue = string | boolean | readonly string[] | { readonly int: number }

/** Flag values by long name. */
export type PluginFlagValues = Readonly<Record<string, PluginFlagValue>>

/** Machine states by the number that `GetState` answers. */
export const PLUGIN_STATES = [
  'None',
  'Running',
  'Paused',
  'Saved',
  'Stopped',
  'Stopping',
  'Starting',
  'Error',
  'Timeout',
] as const

/** What one call takes and gives, by its name in the protocol. `undefined`: an empty struct. */
export interface PluginMethods {
  GetVersion: { readonly argument: undefined; readonly reply: number }
  Heartbeat: { readonly argument: undefined; readonly reply: undefined }
  Close: { readonly argument: undefined; readonly reply: undefined }
  GetCreateFlags: { readonly argument: undefined; readonly reply: readonly PluginFlag[] }
  /** The driver's state as JSON text. */
  SetConfigRaw: { readonly argument: string; readonly reply: undefined }
  GetConfigRaw: { readonly argument: undefined; readonly reply: string }
  SetConfigFromFlags: { readonly argument: PluginFlagValues; readonly reply: undefined }
  DriverName: { readonly argument: undefined; readonly reply: string }
  GetMachineName: { readonly argument: undefined; readonly reply: string }
  GetIP: { readonly argument: undefined; readonly reply: string }
  GetSSHHostname: { readonly argument: undefined; readonly reply: string }
  GetSSHKeyPath: { readonly argument: undefined; readonly reply: string }
  GetSSHPort: { readonly argument: undefined; readonly reply: number }
  GetSSHUsername: { readonly argument: undefined; readonly reply: string }
  GetURL: { readonly argument: undefined; readonly reply: string }
  /** Index into `PLUGIN_STATES`. */
  GetState: { readonly argument: undefined; readonly reply: number }
  PreCreateCheck: { readonly argument: undefined; readonly reply: undefined }
  Create: { readonly argument: undefined; readonly reply: undefined }
  Remove: { readonly argument: undefined; readonly reply: undefined }
  Start: { readonly argument: undefined; readonly reply: undefined }
  Stop: { readonly argument: undefined; readonly reply: undefined }
  Restart: { readonly argument: undefined; readonly reply: undefined }
  Kill: { readonly argument: undefined; readonly reply: undefined }
}

export type PluginMethod = keyof PluginMethods

/** What a client of a plugin calls. An error of the plugin is a `PluginError` with its text. */
export interface PluginCalls {
  /** @throws PluginError with the plugin's own text; MachineError `timeout`, or `driver` when the connection is lost */
  call<M extends PluginMethod>(
    method: M,
    argument: PluginMethods[M]['argument'],
    options: { readonly deadlineMs: number; readonly signal?: AbortSignal },
  ): Promise<PluginMethods[M]['reply']>
}

/** What a served driver answers. A thrown error's message becomes the plugin's error text. */
export type PluginHandlers = {
  readonly [M in PluginMethod]: (argument: PluginMethods[M]['argument']) => Promise<PluginMethods[M]['reply']>
}

/** An error that the other side answered with: a plain text, as the protocol has no other. */
export class PluginError extends Error {
  override readonly name = 'PluginError'
}
