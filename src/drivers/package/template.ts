/** The beginning of a driver package: `templates/driver` with the name of the new one. */
import { existsSync, readdirSync } from 'node:fs'
import { cp, mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MachineError } from '../../contracts/errors.js'
import { packageRoot } from '../../util/paths.js'

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

/**
 * Writes a new package into `dir`, which must be empty or not be there. Returns its files.
 * @throws MachineError `usage` for a name that no driver can have, `exists`
 */
export async function writeTemplate(name: string, dir: string): Promise<readonly string[]> {
  if (!NAME.test(name))
    throw new MachineError(
      'usage',
      `"${name}" is no name for a driver: lower-case letters, digits and dashes`,
    )
  if (existsSync(dir) && readdirSync(dir).length > 0)
    throw new MachineError('exists', `${dir} is not empty`, { hints: ['Name another folder.'] })
  await mkdir(dir, { recursive: true })
  await cp(join(packageRoot(), 'templates', 'driver'), dir, { recursive: true })
  // npm leaves out files of this name.
  await rename(join(dir, 'gitignore'), join(dir, '.gitignore'))
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  for (const file of files) await writeFile(file, renamed(await readFile(file, 'utf8'), name))
  return files.map((file) => file.slice(dir.length + 1)).sort()
}

/** The template's driver is called acme. */
function renamed(text: string, name: string): string {
  const title = name.replace(/(^|-)([a-z])/g, (_all, dash: string, letter: string) => {
    return (dash && ' ') + letter.toUpperCase()
  })
  return text
    .replaceAll('acme', name)
    .replaceAll('ACME', name.toUpperCase().replaceAll('-', '_'))
    .replaceAll('Acme', title)
}
