import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isMachineError, MachineError } from '../contracts/errors.js'
import { makePrivateDir, writeFileAtomic } from '../util/atomic-file.js'
import { errnoOf, fileError } from '../util/file-error.js'

/** The context that is there without any file: the local engine. */
export const DEFAULT_CONTEXT = 'default'

const NEW_FILE_MODE = 0o600

/** Which context the Docker client uses when nothing else is said: `currentContext` of its `config.json`. */
export async function currentContext(configDir: string): Promise<string> {
  const { value } = await readConfig(configDir)
  const current = value['currentContext']
  return typeof current === 'string' && current !== '' ? current : DEFAULT_CONTEXT
}

/**
 * Makes a context the current one; all other keys of the file, its mode and a symbolic link stay as they are.
 * @throws MachineError `engine` when the file is no JSON object (it is not touched then)
 */
export async function setCurrentContext(configDir: string, name: string): Promise<void> {
  const { value, mode } = await readConfig(configDir)
  const { currentContext: _old, ...others } = value
  const wanted = name === DEFAULT_CONTEXT ? others : { ...value, currentContext: name }
  await makePrivateDir(configDir)
  await writeFileAtomic(join(configDir, 'config.json'), JSON.stringify(wanted, null, '\t'), { mode })
}

interface Config {
  readonly value: Readonly<Record<string, unknown>>
  readonly mode: number
}

async function readConfig(configDir: string): Promise<Config> {
  const path = join(configDir, 'config.json')
  try {
    const [text, { mode }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
    return { value: parse(text, path), mode: mode & 0o777 }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { value: {}, mode: NEW_FILE_MODE }
    throw isMachineError(error) ? error : fileError('read', path, error)
  }
}

function parse(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = text.trim() ? JSON.parse(text) : {}
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Same answer as for JSON that is no object.
  }
  throw new MachineError('engine', `${path} is not what a Docker client writes (no JSON object)`, {
    hints: [`Repair it, or move it away: mv '${path}' '${path}.bad'`],
  })
}
