/** Links by which docker-machine finds our drivers as plugins: `docker-machine-driver-NAME`. */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MachineError } from '../contracts/errors.js'
import { LEGACY_DRIVERS } from '../drivers/common/driver-names.js'
import { servableFactory } from '../drivers/registry.js'
import { findProgram } from '../util/exec.js'
import { ownProgram } from '../util/own-program.js'
import { driverOf, OWN_PREFIX } from './plugin-role.js'
import { endShim, keepAside, presentAt, putShim } from './shim-files.js'

type Environment = Readonly<Record<string, string | undefined>>

const PREFIX = 'docker-machine-driver-'
const ASIDE = '.before-tsmachine'

export interface DriverLink {
  readonly path: string
  readonly target: string
  readonly changed: boolean
  /** The name for `--driver`. */
  readonly driver: string
  /** Where a plugin of the name was moved that was in the way. */
  readonly movedTo?: string
  /** What docker-machine starts for the name; absent when the directory is not in PATH. */
  readonly first?: string
}

/** The name by which docker-machine shall know a driver. @throws MachineError `usage` for one that it would not look for */
export async function linkedName(driver: string, as: string = OWN_PREFIX + driver): Promise<string> {
  await servableFactory(driver)
  if (driverOf(as) !== driver)
    throw new MachineError('usage', `--as ${as}: the driver ${driver} is ${OWN_PREFIX}${driver} or ${driver}`)
  // It looks for no plugin of the names of its own drivers.
  if (as === driver && LEGACY_DRIVERS.has(driver))
    throw new MachineError('usage', `docker-machine has a driver ${driver} of its own and starts no other`, {
      hints: [`Leave the name as it is: docker-machine create --driver ${OWN_PREFIX}${driver} NAME`],
    })
  return as
}

/**
 * Links a driver's name to this program; done already, it changes nothing.
 * @throws MachineError `exists` for a plugin that is not ours, `usage` where docker-machine could not find a link
 */
export async function installDriverLink(
  env: Environment,
  { dir, name, force }: { dir: string; name: string; force: boolean },
): Promise<DriverLink> {
  if (process.platform === 'win32')
    throw new MachineError('usage', 'On Windows docker-machine starts plugins with the ending .exe alone', {
      hints: ['There our drivers are used by tsmachine itself, also under the name docker-machine.'],
    })
  const path = join(dir, PREFIX + name)
  const present = presentAt(path)
  if (present === 'foreign' && !force) throw foreign(path, name)
  const movedTo = present === 'foreign' ? await moveAside(path) : undefined
  if (present !== 'current') await putShim(path)
  const first = findProgram(PREFIX + name, env)
  return {
    path,
    target: ownProgram(),
    changed: present !== 'current',
    driver: name,
    ...(movedTo === undefined ? {} : { movedTo }),
    ...(first === undefined ? {} : { first }),
  }
}

/** Takes all of our links away that are in these directories, and puts back what was moved aside for them. */
export async function removeDriverLinks(dirs: readonly string[]): Promise<readonly string[]> {
  const paths = dirs.flatMap((dir) =>
    namesIn(dir)
      .filter((name) => name.startsWith(PREFIX) && !name.endsWith(ASIDE))
      .map((name) => join(dir, name)),
  )
  const ours = [...new Set(paths)].filter((path) => ['current', 'stale'].includes(presentAt(path)))
  for (const path of ours) await endShim(path, existsSync(path + ASIDE) ? path + ASIDE : undefined)
  return ours
}

function foreign(path: string, name: string): MachineError {
  return new MachineError('exists', `${path} is another program`, {
    hints: [
      `Move it aside and link the name: tsmachine shim install --driver ${driverOf(name)} --force ${dirname(path)}`,
    ],
  })
}

async function moveAside(path: string): Promise<string> {
  await keepAside(path, path + ASIDE)
  return path + ASIDE
}

/** PATH may name what is no directory. */
function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
