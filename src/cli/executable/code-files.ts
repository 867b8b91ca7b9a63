import { createRequire, Module, wrap } from 'node:module'
import { dirname, join } from 'node:path'
import { Script } from 'node:vm'

/** Where code comes from, by its path below `dist/`. */
export interface CodeSource {
  /** ASCII: the bundler leaves nothing else in it. */
  text(file: string): Buffer
  /** What V8 made of it before. Data of another V8 are not used. */
  compiled?(file: string): Buffer
}

/** A file: only code of files can load modules of the other kind, as plugins may be. */
const IMPORT = './import.cjs'

type Wrapped = (exports: unknown, require: NodeJS.Require, module: Module, file: string, dir: string) => void

/** CommonJS modules that are in no file. They believe to lie in `dist/` below `root`, and find each other there. */
export class CodeFiles {
  readonly #modules = new Map<string, { readonly module: Module; readonly script: Script }>()

  constructor(
    private readonly root: string,
    private readonly source: CodeSource,
  ) {}

  /** What the file exports. */
  load(file: string): unknown {
    const known = this.#modules.get(file)
    if (known) return known.module.exports
    const path = join(this.root, 'dist', file)
    const script = new Script(wrap(this.source.text(file).toString('latin1')), {
      // In V8's data too: it must tell nothing of the computer that they are made on.
      filename: file,
      ...(this.source.compiled === undefined ? {} : { cachedData: this.source.compiled(file) }),
    })
    const module = new Module(path)
    module.filename = path
    this.#modules.set(file, { module, script })
    const run = script.runInThisContext() as Wrapped
    run.call(module.exports, module.exports, this.#require(path), module, path, dirname(path))
    module.loaded = true
    return module.exports
  }

  /** What V8 has made of a loaded file so far. */
  compiled(file: string): Buffer | undefined {
    return this.#modules.get(file)?.script.createCachedData()
  }

  #require(path: string): NodeJS.Require {
    const plain = createRequire(path)
    const own = (name: string): unknown =>
      name.startsWith('./') && name !== IMPORT ? this.load(name.slice('./'.length)) : plain(name)
    return Object.assign(own, plain)
  }
}
