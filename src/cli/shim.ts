import { accessSync, constants, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { MachineError } from '../contracts/errors.js'
import { findProgram } from '../util/exec.js'
import { foreignProgram, leadsToUs, pathDirs } from '../util/own-links.js'
import { ownProgram } from '../util/own-program.js'
import { removeDriverLinks } from './driver-shim.js'
import { forgetPrevious, type PreviousProgram, previousProgram, recordPrevious } from './previous-program.js'
import { endShim, keepAside, presentAt, putShim, SHIM } from './shim-files.js'

type Environment = Readonly<Record<string, string | undefined>>

export interface Installed {
  /** The link. */
  readonly path: string
  readonly target: string
  readonly changed: boolean
  /** The docker-machine that was there before, for those who still need it. */
  readonly previous?: PreviousProgram
  /** What a shell runs for `docker-machine`; absent when its directory is not in PATH. */
  readonly first?: string
  readonly firstIsOurs: boolean
}

const ASIDE = `${SHIM}.before-tsmachine`

/**
 * Links the name docker-machine to this program; done already, it changes nothing.
 * @throws MachineError `exists` for a docker-machine that is not ours, `store`, `usage` when there is no place for it
 */
export async function installShim(
  env: Environment,
  options: { dir?: string; force: boolean },
): Promise<Installed> {
  const path = join(shimDir(env, options.dir), SHIM)
  const present = presentAt(path)
  if (present === 'foreign' && !options.force) throw foreign(path)
  const previous = present === 'foreign' ? await moveAside(path) : (previousProgram(env) ?? foundOnPath(env))
  if (previous) await recordPrevious(env, previous)
  if (present !== 'current') await putShim(path)
  const first = findProgram('docker-machine', env)
  return {
    path,
    target: ownProgram(),
    changed: present !== 'current',
    ...(previous ? { previous } : {}),
    ...(first === undefined ? {} : { first }),
    firstIsOurs: first !== undefined && leadsToUs(first),
  }
}

/**
 * Takes our links away, those of drivers too, from one directory or from all of PATH, and puts back what was moved aside.
 * @throws MachineError `exists` where a directory was named that has another docker-machine and nothing of ours, `store`
 */
export async function uninstallShim(
  env: Environment,
  dir?: string,
): Promise<{ readonly removed: readonly string[] }> {
  const dirs = dir === undefined ? pathDirs(env) : [resolve(dir)]
  const places = dirs.map((place) => join(place, SHIM))
  const ours = [...new Set(places)].filter((path) => ['current', 'stale'].includes(presentAt(path)))
  const foreignOne = dir === undefined ? undefined : places.find((path) => presentAt(path) === 'foreign')
  const ofDrivers = await removeDriverLinks(dirs)
  if (foreignOne !== undefined && ofDrivers.length === 0)
    throw new MachineError('exists', `${foreignOne} is not our link: it was not removed`)
  for (const path of ours) {
    const previous = previousProgram(env)
    const isMoved = previous?.movedFrom === path
    await endShim(path, isMoved ? previous.path : undefined)
    if (isMoved) await forgetPrevious(env)
  }
  return { removed: [...ours, ...ofDrivers] }
}

/** Where a link goes. @throws MachineError `usage` when there is no place for it */
export function shimDir(env: Environment, dir: string | undefined): string {
  return dir === undefined ? defaultDir(env) : existingDir(dir)
}

function foreign(path: string): MachineError {
  return new MachineError('exists', `${path} is another docker-machine`, {
    hints: [`Move it aside and link the name: tsmachine shim install --force ${dirname(path)}`],
  })
}

async function moveAside(path: string): Promise<PreviousProgram> {
  const aside = join(dirname(path), ASIDE)
  await keepAside(path, aside)
  return { path: aside, movedFrom: path }
}

function existingDir(dir: string): string {
  const path = resolve(dir)
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path
  throw new MachineError('usage', `${path} is not a directory`)
}

/** Beside the `tsmachine` that a shell finds, else the first directory of PATH that we may write to. */
function defaultDir(env: Environment): string {
  const own = findProgram('tsmachine', env)
  const beside = own === undefined ? [] : [dirname(own)]
  const dir = [...beside, ...pathDirs(env)].find(isWritable)
  if (dir !== undefined) return dir
  throw new MachineError('usage', 'There is no directory in PATH that you may write to', {
    hints: ['Say where: tsmachine shim install DIR', 'Or, for all users: sudo tsmachine shim install'],
  })
}

function isWritable(dir: string): boolean {
  try {
    accessSync(dir, constants.W_OK)
    return statSync(dir).isDirectory()
  } catch {
    return false
  }
}

/** The first docker-machine in PATH that is not our link. */
function foundOnPath(env: Environment): PreviousProgram | undefined {
  const path = foreignProgram('docker-machine', env)
  return path === undefined ? undefined : { path }
}
