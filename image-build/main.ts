import { homedir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { build, type ArtefactKind, type BuildOptions } from './build.js'

const USAGE =
  'usage: node main.js [image|engine]... [--out DIR] [--cache DIR] [--mirror URL[,SECURITY_URL]] [--release]'
const KINDS: readonly ArtefactKind[] = ['image', 'engine']

function isKind(word: string): word is ArtefactKind {
  return KINDS.some((kind) => kind === word)
}

/** Reads the command line. Throws with the usage text. */
export function parseCommandLine(
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
): Omit<BuildOptions, 'report'> {
  const text = { type: 'string' } as const
  const options = { out: text, cache: text, mirror: text, release: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
  const what = positionals.filter(isKind)
  if (what.length !== positionals.length) throw new Error(USAGE)
  const caches = environment.XDG_CACHE_HOME ?? path.join(homedir(), '.cache')
  return {
    what: what.length > 0 ? what : KINDS,
    out: path.resolve(values.out ?? 'build'),
    cacheDir: path.resolve(values.cache ?? path.join(caches, 'tsmachine')),
    release: values.release ?? false,
    ...(values.mirror ? { mirror: values.mirror } : {}),
  }
}

/** Builds and says where the results are. Everything that is told while building goes to standard error. */
async function main(): Promise<void> {
  const began = Date.now()
  const options = parseCommandLine(process.argv.slice(2), process.env)
  const report = (line: string) =>
    process.stderr.write(`${((Date.now() - began) / 1000).toFixed(1)}s ${line}\n`)
  const { artefacts } = await build({ ...options, report })
  for (const { dir, manifest } of artefacts)
    process.stdout.write(`${dir} ${manifest.version} ${manifest.digest}\n`)
}

if (process.argv[1]?.match(/image-build[/\\]main\.[jt]s$/)) {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  })
}
