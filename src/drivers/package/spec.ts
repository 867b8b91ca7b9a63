/** What `driver install` is given: a package of the registry, a tarball or a folder. */
import { statSync } from 'node:fs'
import { basename, isAbsolute, resolve } from 'node:path'
import { MachineError } from '../../contracts/errors.js'

export type PackageSpec =
  | { readonly kind: 'registry'; readonly text: string; readonly name: string }
  | { readonly kind: 'tarball' | 'folder'; readonly path: string }

const NAMED = /^((?:@[a-z0-9~._-]+\/)?[a-z0-9~._-]+)(?:@([\w.^~<>=*|+-]+))?$/i
const DRIVER_PACKAGE = /^(?:@[^/]+\/)?tsmachine-driver-([a-z][a-z0-9-]*)$/

/** The driver that a package of this name holds. @throws MachineError `usage` for any other name */
export function driverNameOf(packageName: string): string {
  const [, name] = DRIVER_PACKAGE.exec(packageName) ?? []
  if (name !== undefined) return name
  throw new MachineError('usage', `"${packageName}" is not the name of a driver package`, {
    hints: [
      'Driver packages are called tsmachine-driver-NAME or @SCOPE/tsmachine-driver-NAME.',
      'A package of another name is used where it is: tsmachine create --driver PATH',
    ],
  })
}

/** @throws MachineError `usage` for what is neither a path that is there nor the name of a driver package */
export function packageSpec(word: string): PackageSpec {
  if (word.startsWith('.') || isAbsolute(word) || /\.(tgz|tar\.gz)$/.test(word)) return pathSpec(word)
  const [, name] = NAMED.exec(word) ?? []
  if (name === undefined || word.startsWith('-'))
    throw new MachineError('usage', `"${word}" is neither a package nor a path`, {
      hints: ['tsmachine driver install tsmachine-driver-NAME[@VERSION]'],
    })
  driverNameOf(name)
  return { kind: 'registry', text: word, name }
}

function pathSpec(word: string): PackageSpec {
  const path = resolve(word)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) throw new MachineError('usage', `${word} is not there`)
  return { kind: found.isDirectory() ? 'folder' : 'tarball', path }
}

/** How it is called in messages. */
export function specText(spec: PackageSpec): string {
  return spec.kind === 'registry' ? spec.text : basename(spec.path)
}
