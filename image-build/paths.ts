import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder with `packages/`, `modules/` and `guest/`: they are not compiled, so not beside this file when it runs from dist/. */
export function assetsDir(): string {
  const here = path.dirname(fileURLToPath(import.meta.url))
  const root = path.dirname(here)
  return path.basename(root) === 'dist' ? path.join(path.dirname(root), path.basename(here)) : here
}
