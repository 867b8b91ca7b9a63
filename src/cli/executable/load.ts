import { dirname } from 'node:path'
import { getRawAsset } from 'node:sea'
import { cachePath } from '../../util/paths.js'
import { CodeFiles, type CodeSource } from './code-files.js'
import { type FileIndex, PackageFiles } from './package-files.js'

/** What answers without any other file of the package. */
const ALONE = 'fast'

/** Assets by name: `files.json`, `file/PATH` of each, and code by its path below `dist/`, with V8's data for it. */
function asset(name: string): Buffer {
  return Buffer.from(getRawAsset(name) as ArrayBuffer)
}

/** Code, with what one `use` of `dist/NAME.cjs` compiles of it: no more has to be read than that needs. */
function source(name: string, use: string): CodeSource {
  const own = (file: string): string => (file === `${name}.cjs` ? use : file)
  return { text: asset, compiled: (file) => optional(`${own(file)}.v8`) ?? asset(`${file}.v8`) }
}

function optional(name: string): Buffer | undefined {
  try {
    return asset(name)
  } catch {
    return undefined
  }
}

let whole: CodeFiles | undefined

/** What `dist/NAME.cjs` exports, as it is inside the executable. The package's other files are where it looks for them. */
export function load(name: string, use = name): unknown {
  const file = `${name}.cjs`
  if (name === ALONE) return new CodeFiles(dirname(process.execPath), source(name, use)).load(file)
  whole ??= new CodeFiles(placeFiles(), source(name, use))
  return whole.load(file)
}

function placeFiles(): string {
  const index = JSON.parse(asset('files.json').toString()) as FileIndex
  return new PackageFiles(index, (path) => asset(`file/${path}`)).place(cachePath())
}
