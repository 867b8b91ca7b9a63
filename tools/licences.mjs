// The licence texts of what is bundled, from the packages that esbuild says it read.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const TEXTS = /^(licen[cs]e|copying|notice)/i

/** Folders of the packages whose files went into the bundles, sorted. */
export function bundledPackages(metafiles) {
  const files = metafiles.flatMap(({ inputs }) => Object.keys(inputs))
  const folders = files.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [])
  return [...new Set(folders)].sort()
}

/** One text: each package by name and version, its licence and what it wants to be told. */
export function licences(root, metafiles) {
  const packages = bundledPackages(metafiles).map((folder) => described(join(root, folder)))
  const unique = [...new Map(packages.map((text) => [text.split('\n', 1)[0], text])).values()]
  return `What tsmachine's program files hold of others' work, and under which terms.\n\n${unique.join('\n\n')}\n`
}

function described(folder) {
  const { name, version, license, homepage } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const texts = readdirSync(folder)
    .filter((file) => TEXTS.test(file) && !/\.(js|ts|json)$/.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
  const head = `== ${name} ${version} (${license ?? 'see below'})`
  return [head, ...(homepage ? [homepage] : []), ...texts].join('\n')
}
