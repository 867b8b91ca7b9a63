import { statSync } from 'node:fs'
import { MachineError } from '../contracts/errors.js'
import { sshfsArgs, unmountWays } from '../ssh/mount-program.js'
import { runOnTerminal } from '../ssh/on-terminal.js'
import { findProgram } from '../util/exec.js'
import type { MachineContext } from './context.js'
import { requireProgram } from './local-program.js'
import { resolveName } from './names.js'
import { programConfig, reach } from './reach.js'
import { parseSide, type Side } from './side.js'
import { endSignal } from './ssh.js'

const ON_MACOS =
  process.platform === 'darwin' ? ['On macOS: macFUSE and sshfs of https://macfuse.github.io'] : []

export interface MountRequest {
  /** `[USER@]MACHINE:PATH`; without a machine the one called `default`. */
  readonly source: string
  /** The path on the machine when absent. */
  readonly mountPoint?: string
  /** Options for sshfs, as after its `-o`. */
  readonly options: readonly string[]
}

/**
 * Mounts a machine's directory here with sshfs, the host key pinned.
 * @returns the exit status of sshfs
 */
export async function mountFolder(ctx: MachineContext, request: MountRequest): Promise<number> {
  const { machine, user, path } = mountSide(ctx, request.source)
  const mountPoint = request.mountPoint ?? path
  const program = requireProgram('sshfs', 'the mount feature', ...ON_MACOS)
  requireProgram('ssh', 'the mount feature')
  const host = await reach(ctx, machine)
  const from = { host: machine, path, ...(user === undefined ? {} : { user }) }
  const args = sshfsArgs(from, mountPoint, {
    configPath: await programConfig([host]),
    options: request.options,
  })
  checkMountPoint(mountPoint)
  return await runOnTerminal(program, args, { signal: endSignal(ctx.signal) })
}

/** Takes back a mount. @returns the exit status of the program that did it */
export async function unmountFolder(
  ctx: MachineContext,
  request: Omit<MountRequest, 'options'>,
  platform: NodeJS.Platform = process.platform,
): Promise<number> {
  const { machine, path } = mountSide(ctx, request.source)
  // What is named by its mount point can be taken back when its machine is long gone.
  if (request.mountPoint === undefined) resolveName(ctx, [machine])
  const ways = unmountWays(platform, request.mountPoint ?? path)
  const way = ways.find(({ program }) => findProgram(program) !== undefined) ?? ways[0]
  const program = requireProgram(way.program, 'the unmount option')
  return await runOnTerminal(program, way.args, { signal: endSignal(ctx.signal) })
}

function mountSide(ctx: MachineContext, source: string): Side & { machine: string } {
  const side = parseSide(source)
  return { ...side, machine: side.machine ?? resolveName(ctx, []) }
}

/** sshfs's own words for it are "fuse: bad mount point". */
function checkMountPoint(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory()) return
  const text = found ? 'is not a directory' : 'does not exist'
  throw new MachineError('preflight', `The mount point ${path} ${text}`, {
    hints: found ? ['Give the path of an empty directory'] : [`Make it first: mkdir -p '${path}'`],
  })
}
