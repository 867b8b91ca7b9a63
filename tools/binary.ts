/** Makes the single executable: Node's own program with ours inside (docs/architecture.md, "The single executable"). */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { build, type Plugin } from 'esbuild'
import { inject } from 'postject'
import { findProgram } from '../src/util/exec.js'
import { packageRoot } from '../src/util/paths.js'
import { MACHINE, USES } from './binary-uses.js'

const run = promisify(execFile)

/** Where Node looks for what is inside it, and the mark that is turned when something is. */
const RESOURCE = 'NODE_SEA_BLOB'
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'
/** Shipped files that are in the executable as code, but for the one that has to be a file. */
const CODE = /^(bin|dist)\/.*\.cjs$/
const IMPORT = 'dist/import.cjs'
const LICENCES = 'dist/THIRD-PARTY-LICENSES.txt'

export interface BinaryOptions {
  /** Node's program, which becomes ours. */
  readonly node: string
  /** Folder for `tsmachine` and `LICENSES.txt`. */
  readonly out: string
  /** Node's licence; looked for beside its program when absent. */
  readonly licence?: string
}

/** Builds from what `npm run build` has made. Returns the executable's path. */
export async function buildBinary(options: BinaryOptions): Promise<string> {
  const node = await realpath(options.node)
  const licence = options.licence ?? nodeLicence(node)
  await requireElf(node)
  const work = await mkdtemp(join(tmpdir(), 'tsmachine-binary-'))
  try {
    const blob = await makeBlob(work, node)
    const program = join(work, 'tsmachine')
    await copyProgram(node, program)
    await inject(program, RESOURCE, await readFile(blob), { sentinelFuse: FUSE })
    return await putInto(options.out, program, licence)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Node's licence has to come with Node. */
function nodeLicence(node: string): string {
  const prefix = join(dirname(node), '..')
  const places = [prefix, join(prefix, 'share/doc/nodejs'), join(prefix, 'share/doc/node')]
  const found = places.map((dir) => join(dir, 'LICENSE')).find((file) => existsSync(file))
  if (found !== undefined) return found
  throw new Error(`The licence of ${node} is not beside it: give the file with --node-licence`)
}

async function requireElf(node: string): Promise<void> {
  const text = await readFile(node)
  if (text.subarray(0, 4).toString('latin1') !== '\x7fELF')
    throw new Error(`${node} is no Linux program: only those are known to work`)
  if (!text.includes(FUSE)) throw new Error(`${node} cannot hold a program: Node was built without that`)
}

/** Names of functions are a tenth of the program, and nothing that runs reads them. */
async function copyProgram(node: string, to: string): Promise<void> {
  const strip = findProgram('strip')
  if (strip === undefined) await copyFile(node, to)
  else await run(strip, ['-o', to, node])
  await chmod(to, 0o755)
}

async function putInto(out: string, program: string, licence: string): Promise<string> {
  await mkdir(out, { recursive: true })
  const texts = [await readFile(licence, 'utf8'), await readFile(join(packageRoot(), LICENCES), 'utf8')]
  await writeFile(
    join(out, 'LICENSES.txt'),
    `The executable is Node.js with tsmachine inside.\n\n${texts.join('\n\n')}`,
  )
  const path = join(out, 'tsmachine')
  await copyFile(program, `${path}.new`)
  await chmod(`${path}.new`, 0o755)
  await rename(`${path}.new`, path)
  return path
}

/** Node's form of a main script and its assets. */
async function makeBlob(work: string, node: string): Promise<string> {
  const blob = join(work, 'blob')
  await bundleTool(
    "require('./src/cli/executable/main.ts').begin(() => require('./bin/run.cjs'))",
    join(work, 'main.cjs'),
  )
  const assets = { ...(await fileAssets(work)), ...(await codeAssets(work, node)) }
  const config = {
    // Node keeps this name inside: it must tell nothing of this computer.
    main: 'main.cjs',
    output: blob,
    disableExperimentalSEAWarning: true,
    // Where Node knows it (25 and later): NODE_OPTIONS are not ours.
    execArgvExtension: 'none',
    assets,
  }
  await writeFile(join(work, 'sea.json'), JSON.stringify(config))
  await run(node, ['--experimental-sea-config', 'sea.json'], { cwd: work })
  return blob
}

type Assets = Readonly<Record<string, string>>

/** The package's files that are not code. */
async function fileAssets(work: string): Promise<Assets> {
  const shipped = (await shippedFiles()).filter(({ path }) => path === IMPORT || !CODE.test(path))
  const root = packageRoot()
  const hash = createHash('sha256')
  for (const { path, mode } of shipped)
    hash.update(`${path}\0${mode}\0`).update(
      createHash('sha256')
        .update(readFileSync(join(root, path)))
        .digest(),
    )
  const index = { id: hash.digest('hex').slice(0, 32), files: shipped }
  await writeFile(join(work, 'files.json'), JSON.stringify(index))
  const files = shipped.map(({ path }) => [`file/${path}`, join(root, path)])
  return { 'files.json': join(work, 'files.json'), ...(Object.fromEntries(files) as Assets) }
}

/** What npm would publish, with its modes. */
async function shippedFiles(): Promise<readonly { readonly path: string; readonly mode: number }[]> {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: packageRoot(),
    shell: process.platform === 'win32',
  })
  const [listed] = JSON.parse(stdout) as [{ files: { path: string; mode: number }[] }]
  return listed.files.map(({ path, mode }) => ({ path, mode }))
}

/** The bundles, and what this Node's V8 makes of them: half of the time that a start takes. */
async function codeAssets(work: string, node: string): Promise<Assets> {
  const dist = join(packageRoot(), 'dist')
  const vendors = readdirSync(join(dist, 'vendor')).map((name) => `vendor/${name}`)
  const others = ['helper.cjs', ...vendors].map((file) => ({ name: file, file, argv: [] }))
  const compiler = join(work, 'compile.cjs')
  await bundleTool("require('./tools/binary-compile.ts')", compiler)
  await mkdir(join(work, 'vendor'))
  const url = 'tcp://127.0.0.1:2376'
  const env = { HOME: work, PATH: '', SHELL: '/bin/sh', DOCKER_HOST: url }
  const create = ['create', '--driver', 'none', '--url', url, MACHINE]
  await run(process.execPath, [join(packageRoot(), 'bin/run.cjs'), ...create], { env })
  const compiled = await Promise.all(
    [...USES, ...others].map(async ({ name, file, argv }) => {
      const data = join(work, `${name}.v8`)
      await run(node, [compiler, packageRoot(), file, data, ...argv], { env })
      return { name, file, data }
    }),
  )
  // A file's first use comes last here, and stands for those that are not listed.
  return Object.fromEntries(
    compiled.reverse().flatMap(({ name, file, data }) => [
      [file, join(dist, file)],
      [`${name}.v8`, data],
      [`${file}.v8`, data],
    ]),
  )
}

async function bundleTool(contents: string, outfile: string): Promise<void> {
  await build({
    stdin: { contents, resolveDir: packageRoot() },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    absWorkingDir: packageRoot(),
    logLevel: 'warning',
    legalComments: 'none',
    define: { 'import.meta.url': '"file:///"' },
    plugins: [loadsFromInside],
  })
}

/** bin/run.cjs takes what it loads from the executable. */
const loadsFromInside: Plugin = {
  name: 'loads-from-inside',
  setup: (bundler) => {
    bundler.onLoad({ filter: /[\\/]bin[\\/]load\.cjs$/ }, () => ({
      contents: "module.exports = require('./src/cli/executable/load.ts').load",
      resolveDir: packageRoot(),
    }))
  },
}
