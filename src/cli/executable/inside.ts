import { getRawAsset } from 'node:sea'
import { cachePath } from '../../util/paths.js'
import { CodeFiles } from './code-files.js'
import { type FileIndex, PackageFiles } from './package-files.js'

/** Assets by name: `files.json`, `file/PATH` of each, and code by its path below `dist/`, with V8's data for it. */
function asset(name: string): Buffer {
  return Buffer.from(getRawAsset(name) as ArrayBuffer)
}

/** The program's code as it is inside the executable, with the package's other files where it looks for them. */
export function codeInside(): CodeFiles {
  const index = JSON.parse(asset('files.json').toString()) as FileIndex
  const files = new PackageFiles(index, (path) => asset(`file/${path}`))
  return new CodeFiles(files.place(cachePath()), {
    text: (file) => asset(file),
    compiled: (file) => asset(`${file}.v8`),
  })
}
