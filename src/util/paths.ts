import { existsSync } from 'node:fs'
import { homedir, tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MachineError } from '../contracts/errors.js'
import { exposureOf } from './exposure.js'

let root: string | undefined

/** Folder of our package.json: assets that are not compiled lie below it, in the checkout and when installed. */
export function packageRoot(): string {
  root ??= findRoot(dirname(fileURLToPath(import.meta.url)))
  return root
}

function findRoot(from: string): string {
  if (existsSync(join(from, 'package.json'))) return from
  return findRoot(dirname(from))
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The user's home. An empty variable counts as unset: nothing of ours is looked for, or put, wherever somebody happens to be.
 * @throws MachineError `usage` where there is no HOME and the system does not know this user (containers with any uid)
 */
export function homePath(env: Environment = process.env): string {
  if (env['HOME']) return env['HOME']
  try {
    // Node gives an empty HOME back as it is.
    return homedir() || userInfo().homedir
  } catch (cause) {
    throw new MachineError('usage', 'HOME is not set, and the system knows no home of this user', {
      hints: ['Name a directory of your own: export HOME=/path/to/it'],
      cause,
    })
  }
}

/** Root of the store: the flag, MACHINE_STORAGE_PATH, or docker-machine's place. An empty variable counts as unset. */
export function storePath(env: Environment = process.env, flag?: string): string {
  return flag || env['MACHINE_STORAGE_PATH'] || join(homePath(env), '.docker', 'machine')
}

/** Per-user cache: boot images, bundles, accelerator verdicts. */
export function cachePath(env: Environment = process.env): string {
  return join(env['XDG_CACHE_HOME'] || join(homePath(env), '.cache'), 'tsmachine')
}

/** Per-user configuration: what has to outlive the cache and belongs to no store. */
export function configPath(env: Environment = process.env): string {
  return join(env['XDG_CONFIG_HOME'] || join(homePath(env), '.config'), 'tsmachine')
}

/** Per-user data: driver packages. oclif keeps the user's plugins in the same place. */
export function dataPath(env: Environment = process.env): string {
  if (env['TSMACHINE_DATA_DIR']) return env['TSMACHINE_DATA_DIR']
  const local = process.platform === 'win32' ? env['LOCALAPPDATA'] : undefined
  const home = homePath(env)
  return join(env['XDG_DATA_HOME'] || local || join(home, '.local', 'share'), 'tsmachine')
}

/**
 * Parent of the socket directories; short, because QEMU refuses socket paths of 108 bytes or more. A XDG_RUNTIME_DIR that is
 * somebody else's (`sudo -E`) or open to others is not used: whoever owns it could put sockets of their own in our place.
 */
export function runtimePath(env: Environment = process.env): string {
  const uid = process.getuid?.() ?? 0
  const given = env['XDG_RUNTIME_DIR']
  const exposed = given ? exposureOf(given)?.to : undefined
  return given && (exposed === undefined || exposed === 'readers')
    ? join(given, 'tsmachine')
    : join(tmpdir(), `tsmachine-${uid}`)
}

/** Docker client's configuration folder: contexts, credential helpers. */
export function dockerConfigPath(env: Environment = process.env): string {
  return env['DOCKER_CONFIG'] || join(homePath(env), '.docker')
}
