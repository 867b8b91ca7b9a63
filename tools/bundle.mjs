// Makes what runs and ships, under dist/ (docs/architecture.md, "What is built"): main.cjs is oclif and all of our code,
// set up piece by piece as it is used; vendor/*.cjs are the libraries that only some commands load; helper.cjs is what
// outlives the program; THIRD-PARTY-LICENSES.txt is what the authors of the rest want to be told; sbom.cdx.json names it all.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { lazyBuiltins, lazyOclif } from './bundle-lazily.mjs'
import { hotOnly } from './bundle-hot.mjs'
import { licences } from './licences.mjs'
import { sbom } from './sbom.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Libraries that take long to load, each a file of its own: the name that we import, and what of it we use. */
const VENDORS = {
  '@aws-sdk/client-ec2': { file: 'client-ec2', entry: ec2Entry },
  axios: { file: 'axios' },
  'node-forge': { file: 'node-forge', entry: () => "exports.asn1 = require('node-forge/lib/asn1')" },
  ssh2: { file: 'ssh2' },
}

const COMMON = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  metafile: true,
  logLevel: 'warning',
  absWorkingDir: ROOT,
  legalComments: 'none',
  // Vendors' files are CommonJS, and what loads them need not be.
  supported: { 'dynamic-import': false },
  // CommonJS has no import.meta.
  define: { 'import.meta.url': 'bundle.url' },
}
const BANNER = [
  "const bundle = { get url() { return require('node:url').pathToFileURL(__filename).href } }",
  "const nativeImport = (path) => require('./import.cjs')(path)",
].join('\n')

/** Bundles everything into `out`. Returns what esbuild says of each bundle. */
export async function bundle(out) {
  rmSync(out, { recursive: true, force: true })
  mkdirSync(join(out, 'vendor'), { recursive: true })
  const built = await Promise.all([
    bundleMain(out),
    own(out, 'fast', "export { answerFast } from './src/cli/fast.ts'", [hotOnly], { minify: true }),
    own(out, 'helper', "require('./src/cli/helpers/main.ts').runHelper(process.argv.slice(2))"),
    ...Object.keys(VENDORS).map((name) => vendor(out, name)),
    driverKit(out),
  ])
  // Not in the bundle: code that V8's cache holds cannot load modules of the other kind.
  writeFileSync(join(out, 'import.cjs'), 'module.exports = (path) => import(path)\n')
  const metafiles = built.map(({ metafile }) => metafile)
  writeFileSync(join(out, 'THIRD-PARTY-LICENSES.txt'), licences(ROOT, metafiles))
  writeFileSync(join(out, 'sbom.cdx.json'), sbom(ROOT, metafiles))
  return metafiles
}

/**
 * The program alone. `replaced` gives the text of files of ours in place of the real ones, which that text imports as
 * `original:PATH`: tests have a driver more.
 */
export async function bundleMain(out, replaced = {}) {
  return await own(out, 'main', mainEntry(), [replacing(replaced)])
}

async function own(out, name, contents, plugins = [], more = {}) {
  const outfile = join(out, `${name}.cjs`)
  const built = await build({
    ...COMMON,
    stdin: { contents, resolveDir: ROOT, sourcefile: `${name}.js` },
    outfile,
    banner: { js: BANNER },
    // oclif reads the sources of plugins under development with the one that is there.
    external: ['typescript'],
    plugins: [...plugins, vendors, lazyBuiltins, lazyOclif],
    ...more,
  })
  // esbuild leaves what regular expressions hold as it is; a text that is ASCII alone is read five times as fast.
  const text = readFileSync(outfile, 'utf8')
  writeFileSync(
    outfile,
    text.replace(/[^\0-\x7f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
  return built
}

async function vendor(out, name) {
  const { file, entry } = VENDORS[name]
  return await build({
    ...COMMON,
    stdin: { contents: entry?.() ?? `module.exports = require('${name}')`, resolveDir: ROOT },
    outfile: join(out, 'vendor', `${file}.cjs`),
    minify: true,
    // Compiled parts of ssh2, which does without them.
    external: ['*.node', 'cpu-features'],
  })
}

/** What driver packages import, and the program that they run in: modules of the other kind, as they are themselves. */
async function driverKit(out) {
  return await build({
    ...COMMON,
    format: 'esm',
    splitting: true,
    supported: {},
    define: {},
    minifySyntax: true,
    minifyWhitespace: true,
    entryPoints: {
      index: 'src/drivers/package/kit/index.ts',
      testing: 'src/drivers/package/kit/testing/index.ts',
      host: 'src/cli/driver-host.ts',
    },
    outdir: join(out, 'driver'),
    chunkNames: 'shared-[hash]',
  })
}

/** One getter per command: a command's code is set up when it is asked for. */
function mainEntry() {
  const files = readdirSync(join(ROOT, 'src/commands'), { recursive: true }).map((name) =>
    name.replaceAll('\\', '/'),
  )
  const getters = files
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => {
      const id = name.replace(/\.ts$/, '').replaceAll('/', ':')
      return `  get '${id}'() { return require('./src/commands/${name}').default },`
    })
  return [
    "const main = require('./src/cli/main.ts')",
    `const COMMANDS = {\n${getters.join('\n')}\n}`,
    'exports.COMMANDS = COMMANDS',
    'exports.run = (argv, calledAs) => main.run(argv, calledAs, COMMANDS)',
  ].join('\n')
}

/** Of 700 commands of the SDK those that `Calls` names. */
function ec2Entry() {
  const text = readFileSync(join(ROOT, 'src/drivers/amazonec2/calls.ts'), 'utf8')
  const calls = /interface Calls \{([^}]*)\n\}/.exec(text)?.[1] ?? ''
  const actions = [...calls.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => `${name}Command`)
  if (actions.length === 0) throw new Error('No action is named in calls.ts')
  return `export { EC2Client, ${actions.join(', ')} } from '@aws-sdk/client-ec2'`
}

/** Heavy libraries are loaded from files of their own. */
const vendors = {
  name: 'vendors',
  setup({ onResolve }) {
    for (const [name, { file }] of Object.entries(VENDORS))
      onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: `./vendor/${file}.cjs`, external: true }))
  },
}

function replacing(texts) {
  return {
    name: 'replacing',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^original:/ }, ({ path }) => ({
        path: join(ROOT, path.replace('original:', '')),
        suffix: '?original',
      }))
      for (const [file, contents] of Object.entries(texts)) {
        const path = join(ROOT, file)
        onLoad({ filter: new RegExp(`/${file.replaceAll('.', '\\.')}$`) }, ({ suffix }) =>
          suffix === '' ? { contents, resolveDir: dirname(path), loader: 'ts' } : undefined,
        )
      }
    },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle(join(ROOT, 'dist'))
