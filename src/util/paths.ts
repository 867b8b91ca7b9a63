import { existsSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
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

/** Root of the store: the flag, MACHINE_STORAGE_PATH, or docker-machine's place. An empty variable counts as unset. */
export function storePath(env: Environment = process.env, flag?: string): string {
  return flag || env['MACHINE_STORAGE_PATH'] || join(env['HOME'] || homedir(), '.docker', 'machine')
}

/** Per-user cache: boot images, bundles, accelerator verdicts. */
export function cachePath(env: Environment = process.env): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'tsmachine')
}

/** Per-user configuration: what has to outlive the cache and belongs to no store. */
export function configPath(env: Environment = process.env): string {
  return join(env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config'), 'tsmachine')
}

/** Per-user data: driver packages. oclif keeps the user's plugins in the same place. */
export function dataPath(env: Environment = process.env): string {
  if (env['TSMACHINE_DATA_DIR']) return env['TSMACHINE_DATA_DIR']
  const local = process.platform === 'win32' ? env['LOCALAPPDATA'] : undefined
  const home = env['HOME'] || homedir()
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
  return env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker')
}
