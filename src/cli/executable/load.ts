import { dirname } from 'node:path'
import { getRawAsset } from 'node:sea'
import { cachePath } from '../../util/paths.js'
import { CodeFiles } from './code-files.js'
import { type FileIndex, PackageFiles } from './package-files.js'

/** What answers without any other file of the package. */
const ALONE = 'fast'

/** Assets by name: `files.json`, `file/PATH` of each, and code by its path below `dist/`, with V8's data for it. */
function asset(name: string): Buffer {
  return Buffer.from(getRawAsset(name) as ArrayBuffer)
}

const SOURCE = { text: asset, compiled: (file: string) => asset(`${file}.v8`) }

let whole: CodeFiles | undefined

/** What `dist/NAME.cjs` exports, as it is inside the executable. The package's other files are where it looks for them. */
export function load(name: string): unknown {
  if (name === ALONE) return new CodeFiles(dirname(process.execPath), SOURCE).load(`${name}.cjs`)
  whole ??= new CodeFiles(placeFiles(), SOURCE)
  return whole.load(`${name}.cjs`)
}

function placeFiles(): string {
  const index = JSON.parse(asset('files.json').toString()) as FileIndex
  return new PackageFiles(index, (path) => asset(`file/${path}`)).place(cachePath())
}
