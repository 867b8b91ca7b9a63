/** `npm run package:binary`: the program as one file, for computers without Node. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../src/util/paths.js'
import { buildBinary } from './binary.js'

const HELP = `npm run package:binary [-- --node FILE --node-licence FILE --out DIR]

  --node FILE          Node's program that becomes ours (20, 22, 24 or 26); the one that runs when absent
  --node-licence FILE  Node's licence, where it is not beside its program
  --out DIR            where tsmachine and LICENSES.txt are written; dist/binary when absent
`

const { values } = parseArgs({
  options: {
    node: { type: 'string', default: process.execPath },
    'node-licence': { type: 'string' },
    out: { type: 'string', default: join(packageRoot(), 'dist', 'binary') },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) process.stdout.write(HELP)
else {
  const licence = values['node-licence']
  const { node, out } = values
  const path = await buildBinary({ node, out, ...(licence === undefined ? {} : { licence }) })
  process.stdout.write(`${path} ${(statSync(path).size / 1e6).toFixed(0)} MB\n`)
}
