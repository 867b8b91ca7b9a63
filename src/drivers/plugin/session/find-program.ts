import { readdirSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { MachineError } from '../../../contracts/errors.js'
import { findProgram } from '../../../util/find-program.js'
import { foreignProgram, leadsToUs, pathDirs } from '../../../util/own-links.js'
import { previousProgram } from '../../../util/previous-program.js'

type Environment = Readonly<Record<string, string | undefined>>

const PROGRAM = /^docker-machine-driver-([A-Za-z0-9][A-Za-z0-9._-]*?)(?:\.exe)?$/
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/**
 * Absolute path of the plugin program of a driver on PATH; undefined where there is none. Links to ourselves are passed
 * over: our own drivers need no process of their own, and we must not end up driving ourselves.
 * @throws MachineError `usage` for a name that could be no driver's
 */
export function pluginProgram(name: string, env: Environment): string | undefined {
  if (!NAME.test(name)) throw new MachineError('usage', `${JSON.stringify(name)} is not the name of a driver`)
  return foreignProgram(`docker-machine-driver-${name}`, env)
}

/** A plugin of the name on PATH that may not be executed, where `pluginProgram` found nothing. */
export function idlePlugin(name: string, env: Environment): string | undefined {
  if (process.platform === 'win32' || !NAME.test(name)) return undefined
  const paths = pathDirs(env).map((dir) => resolve(dir, `docker-machine-driver-${name}`))
  return paths.find((path) => isFile(path) && !findProgram(path))
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

/** Names of the drivers whose plugins are on PATH, sorted. */
export function pluginNames(env: Environment): readonly string[] {
  const names = pathDirs(env)
    .flatMap(filesIn)
    .flatMap((file) => PROGRAM.exec(file)?.[1] ?? [])
  return [...new Set(names)].filter((name) => pluginProgram(name, env) !== undefined).toSorted()
}

function filesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}

/** What is said where `pluginProgram` found nothing. */
export function missingPlugin(name: string): MachineError {
  return new MachineError(
    'preflight',
    `Driver "${name}" not found. Do you have the plugin binary "docker-machine-driver-${name}" accessible in your PATH?`,
    { hints: [`Put docker-machine-driver-${name} into a directory of PATH.`] },
  )
}

/**
 * Absolute path of docker-machine's own program, which serves docker-machine's built-in drivers: TSMACHINE_LEGACY_BINARY,
 * else the one that `shim install` recorded, else the first on PATH that is not us. Undefined where there is none.
 * @throws MachineError `preflight` when the variable names no program, or us
 */
export function legacyProgram(env: Environment): string | undefined {
  const wanted = env['TSMACHINE_LEGACY_BINARY']
  if (wanted) return checked(wanted, env)
  const recorded = previousProgram(env)?.path
  if (recorded !== undefined && findProgram(resolve(recorded), env) && !leadsToUs(recorded))
    return resolve(recorded)
  return foreignProgram('docker-machine', env)
}

function checked(wanted: string, env: Environment): string {
  const found = findProgram(wanted, env)
  if (found === undefined)
    throw new MachineError('preflight', `TSMACHINE_LEGACY_BINARY names no program: ${wanted}`)
  if (leadsToUs(found))
    throw new MachineError('preflight', `TSMACHINE_LEGACY_BINARY leads to tsmachine itself: ${wanted}`)
  return resolve(found)
}
