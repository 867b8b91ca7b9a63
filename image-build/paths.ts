import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder with `packages/`, `modules/` and `guest/`: they are not compiled, so not beside the program that holds us. */
export function assetsDir(): string {
  return find(path.dirname(fileURLToPath(import.meta.url)))
}

function find(from: string): string {
  const places = [from, path.join(from, 'image-build')]
  return places.find((place) => existsSync(path.join(place, 'packages'))) ?? find(path.dirname(from))
}
