import type { JsonObject } from '../../contracts/json.js'

interface HelperProgram {
  run(args: JsonObject): Promise<void>
}

/** Helper programs by name. `spawnHelper` starts one with its name and JSON. */
const HELPERS: Readonly<Record<string, () => Promise<HelperProgram>>> = {
  'engine-tunnel': async () => await import('./engine-tunnel.js'),
  'port-forwarder': async () => await import('./port-forwarder.js'),
}

/** Runs a helper to its end, which is that of the process. */
export async function runHelper([name = '', json = '{}']: readonly string[]): Promise<never> {
  const load = Object.hasOwn(HELPERS, name) ? HELPERS[name] : undefined
  if (load === undefined) process.exit(70)
  const helper = await load()
  await helper.run(JSON.parse(json) as JsonObject)
  process.exit(0)
}
