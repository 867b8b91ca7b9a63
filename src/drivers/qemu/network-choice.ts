/** What `--qemu-network` says. */
export type NetworkChoice =
  | { readonly mode: 'user' }
  | { readonly mode: 'passt' }
  | { readonly mode: 'bridge'; readonly bridge: string }

/** Linux interface names: at most 15 bytes, no slash, no blank (net/core/dev.c, dev_valid_name). */
const INTERFACE = /^[^\s/:,=]{1,15}$/

/** Reads `user`, `passt` or `bridge=BRIDGE`. */
export function parseNetwork(text: string): NetworkChoice | { readonly fault: string } {
  if (text === 'user' || text === 'passt') return { mode: text }
  const bridge = /^bridge=(.*)$/.exec(text)?.[1]
  if (bridge === undefined)
    return { fault: `${JSON.stringify(text)} is none of user, bridge=BRIDGE and passt` }
  if (!INTERFACE.test(bridge) || bridge === '.' || bridge === '..')
    return { fault: `${JSON.stringify(bridge)} is not the name of a bridge` }
  return { mode: 'bridge', bridge }
}

/** The choice of a config that was checked when it was made. */
export function networkOf(text: string): NetworkChoice {
  const choice = parseNetwork(text)
  return 'fault' in choice ? { mode: 'user' } : choice
}
