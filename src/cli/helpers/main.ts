import type { JsonObject } from '../../contracts/json.js'

interface HelperProgram {
  run(args: JsonObject): Promise<void>
}

/** Helper programs by name, each a module here that exports `run(args)`. `spawnHelper` starts them with name and JSON. */
const HELPERS: Readonly<Record<string, string>> = {
  'engine-tunnel': './engine-tunnel.js',
  'port-forwarder': './port-forwarder.js',
}

const [name = '', json = '{}'] = process.argv.slice(2)
const module = Object.hasOwn(HELPERS, name) ? HELPERS[name] : undefined
if (module === undefined) process.exit(70)
const helper = (await import(module)) as HelperProgram
await helper.run(JSON.parse(json) as JsonObject)
process.exit(0)
