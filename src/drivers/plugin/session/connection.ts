import type { PluginCalls } from '../wire/plugin-api.js'
import type { PluginAddress } from '../wire/address.js'

/** A connection to a plugin. */
export interface PluginConnection extends PluginCalls {
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>
  close(): void
}

export type ConnectPlugin = (
  address: PluginAddress,
  options: { readonly deadlineMs: number; readonly signal?: AbortSignal },
) => Promise<PluginConnection>
