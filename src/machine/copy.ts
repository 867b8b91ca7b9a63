import { MachineError } from '../contracts/errors.js'
import { connect } from '../ssh/connect.js'
import { type CopySide, rsyncProgramArgs, scpProgramArgs, sftpFlags } from '../ssh/copy-program.js'
import type { CopyProgress } from '../ssh/files/copy.js'
import { loginOf, type SshHost } from '../ssh/host.js'
import { runOnTerminal } from '../ssh/on-terminal.js'
import { ownCopy } from '../ssh/own-copy.js'
import { findProgram, run } from '../util/exec.js'
import type { MachineContext } from './context.js'
import { requireProgram } from './local-program.js'
import { programConfig, reach } from './reach.js'
import { parseSide, type Side } from './side.js'
import { endSignal } from './ssh.js'

const ASK_MS = 10_000

export interface CopyRequest {
  readonly source: string
  readonly target: string
  readonly recursive: boolean
  /** Send only what differs, with rsync. */
  readonly delta: boolean
  readonly quiet: boolean
  /** Told while our own client copies; programs draw their own meter. */
  readonly onProgress?: (progress: CopyProgress) => void
}

/** A side and the machine that it is on. */
interface Placed extends Side {
  readonly host?: SshHost
}

/**
 * Copies between this computer and machines, or between two machines.
 * @returns the exit status of the program that copied
 * @throws MachineError where our own client copied and failed, or nothing can copy
 */
export async function copyFiles(ctx: MachineContext, request: CopyRequest): Promise<number> {
  const sides = [parseSide(request.source), parseSide(request.target)] as const
  if (request.delta && sides.every((side) => side.machine !== undefined)) throw twoRemotes(request)
  const [from, to] = [await place(ctx, sides[0]), await place(ctx, sides[1])]
  if (request.delta) return await copyDelta(ctx, from, to, request)
  const scp = ctx.nativeSsh ? undefined : await findScp(ctx)
  if (scp) return await copyWithScp(ctx, scp, from, to, request)
  await ownCopy(asUser(from), asUser(to), {
    recursive: request.recursive,
    signal: ctx.signal,
    ...(request.onProgress ? { onProgress: request.onProgress } : {}),
  })
  return 0
}

async function place(ctx: MachineContext, side: Side): Promise<Placed> {
  return side.machine === undefined ? side : { ...side, host: await reach(ctx, side.machine) }
}

function twoRemotes({ source, target }: CopyRequest): MachineError {
  return new MachineError(
    'usage',
    'rsync copies between this computer and one machine, not between two machines',
    {
      hints: [
        `Copy without --delta: scp ${source} ${target}`,
        'or in two steps, by way of a folder on this computer',
      ],
    },
  )
}

/** The system's scp and how to make it speak SFTP; undefined when there is none that does. */
async function findScp(
  ctx: MachineContext,
): Promise<{ program: string; sftp: readonly string[] } | undefined> {
  const [program, ssh] = [findProgram('scp'), findProgram('ssh')]
  if (program === undefined || ssh === undefined) return undefined
  const { stdout, stderr } = await run(ssh, ['-V'], { signal: ctx.signal, deadlineMs: ASK_MS })
  const sftp = sftpFlags(stderr || stdout)
  return sftp && { program, sftp }
}

async function copyWithScp(
  ctx: MachineContext,
  { program, sftp }: { program: string; sftp: readonly string[] },
  from: Placed,
  to: Placed,
  request: CopyRequest,
): Promise<number> {
  const configPath = await configFor(from, to)
  const args = scpProgramArgs(programSide(from), programSide(to), { ...request, configPath, sftp })
  return await runOnTerminal(program, args, { signal: endSignal(ctx.signal) })
}

/** rsync's statuses when the shell on the host did not find it: what the shell says, or that nothing came. */
const MAYBE_NO_RSYNC: readonly number[] = [127, 12]

async function copyDelta(
  ctx: MachineContext,
  from: Placed,
  to: Placed,
  request: CopyRequest,
): Promise<number> {
  const program = requireProgram('rsync', 'the --delta option', 'or copy without --delta')
  const ssh = requireProgram('ssh', 'the --delta option', 'or copy without --delta')
  const configPath = await configFor(from, to)
  const args = rsyncProgramArgs(programSide(from), programSide(to), { ...request, configPath, ssh })
  const status = await runOnTerminal(program, args, { signal: endSignal(ctx.signal) })
  const host = from.host ?? to.host
  if (host && MAYBE_NO_RSYNC.includes(status) && !(await hasRsync(ctx, host))) throw noRsync(host.name)
  return status
}

async function hasRsync(ctx: MachineContext, host: SshHost): Promise<boolean> {
  const shell = await connect(host.endpoint, { ...loginOf(host), pins: host.pins, signal: ctx.signal })
  try {
    return (await shell.exec('command -v rsync', { signal: ctx.signal, deadlineMs: ASK_MS })).code === 0
  } finally {
    shell.close()
  }
}

function noRsync(machine: string): MachineError {
  return new MachineError('ssh', `There is no rsync on "${machine}", which --delta needs on both sides`, {
    machine,
    hints: [
      'Copy without --delta',
      `or install rsync on the host: ssh ${machine} -- sudo apt-get install rsync`,
    ],
  })
}

/** Without a machine nothing is connected to. */
async function configFor(...sides: readonly Placed[]): Promise<string> {
  const hosts = sides.flatMap(({ host }) => host ?? [])
  const [first, second] = hosts
  if (!first) return 'none'
  return await programConfig(second && second.name !== first.name ? [first, second] : [first])
}

function programSide({ machine, user, path }: Side): CopySide {
  return {
    path,
    ...(machine === undefined ? {} : { host: machine }),
    ...(user === undefined ? {} : { user }),
  }
}

function asUser({ host, user, path }: Placed): { path: string; host?: SshHost } {
  if (!host) return { path }
  return { path, host: user === undefined ? host : { ...host, endpoint: { ...host.endpoint, user } } }
}
