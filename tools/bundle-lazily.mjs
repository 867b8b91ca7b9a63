// What makes a bundle set itself up piece by piece. Loading all of oclif and Node's heavier modules would take as long as
// three starts of Node; most commands need a tenth of it.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** Modules of Node that take milliseconds to load. */
const HEAVY = [
  'child_process',
  'crypto',
  'dns/promises',
  'fs/promises',
  'http',
  'https',
  'net',
  'os',
  'readline/promises',
  'stream/consumers',
  'stream/promises',
  'timers/promises',
  'tls',
  'zlib',
]

/** Our code gets objects in their place that load the module when a part of it is first used. */
export const lazyBuiltins = {
  name: 'lazy-builtins',
  setup({ onLoad, onResolve }) {
    const filter = new RegExp(`^node:(${HEAVY.join('|')})$`)
    onResolve({ filter }, ({ path, namespace, importer }) =>
      namespace === 'lazy' || importer.includes('node_modules') ? undefined : { path, namespace: 'lazy' },
    )
    onLoad({ filter: /./, namespace: 'lazy' }, ({ path }) => ({ contents: lazyModule(path) }))
  },
}

/** On a prototype: what takes a module's own parts over to each of its importers finds none. */
function lazyModule(name) {
  const getters = Object.keys(require(name)).map((part) => `get ${part}() { return load().${part} },`)
  return `const load = () => require('${name}')\nmodule.exports = Object.create({\n${getters.join('\n')}\n})\n`
}

/** Compiled TypeScript loads at its top what it may need: `const x_1 = require("x")`, and says `x_1.part` where it does. */
const IMPORT = /^(?:const|var) (\w+_\d+) = ((?:__import\w+\()?require\("[^"]+"\)\)?);$/gm

/** oclif's modules load each other when a part is first used. */
export const lazyOclif = {
  name: 'lazy-oclif',
  setup({ onLoad }) {
    onLoad({ filter: /@oclif[\\/]core[\\/]lib[\\/].*\.js$/ }, ({ path }) => ({
      contents: lightened(readFileSync(path, 'utf8')),
    }))
  },
}

function lightened(text) {
  const names = [...text.matchAll(IMPORT)].map(([, name]) => name)
  const lazy = text.replace(
    IMPORT,
    (_line, name, load) => `let ${name}_;const ${name}$ = () => ${name}_ ??= ${load};`,
  )
  const used = names.reduce(
    (code, name) => code.replace(new RegExp(`\\b${name}\\b(?![_$])`, 'g'), `(${name}$())`),
    lazy,
  )
  return (
    used
      // The first use of the language's sorting rules takes as long as reading all commands.
      .replace('a.id.localeCompare(b.id)', '(a.id < b.id ? -1 : 1)')
      // In a bundle `import()` means `require`; modules of plugins may be of either kind.
      .replace(/\bimport\((?![')])/g, 'nativeImport(')
      // What else is in there loads child processes at once.
      .replace("(await import('wsl-utils')).isWsl", "(await import('is-wsl')).default")
      // npm has told of a Node that is too old.
      .replace(/^checkNodeVersion\(\);$/m, '')
      .replace(
        /^exports\.(\w+) = (__importStar\(require\("[^"]+"\)\));$/gm,
        (_line, name, load) =>
          `let ${name}_;Object.defineProperty(exports, "${name}", { enumerable: true, get: () => ${name}_ ??= ${load} });`,
      )
  )
}
