import { MachineError } from '../contracts/errors.js'
import type { SshHost } from '../ssh/host.js'
import { runInteractive } from '../ssh/interactive.js'
import { jumpHosts, readPassedWords } from '../ssh/passed-options.js'
import { onAbort } from '../util/abort.js'
import { accessHints } from './access-hints.js'
import { sshEndpoint } from './connect.js'
import type { MachineContext } from './context.js'
import { openMachine } from './open.js'
import { programConfig, reach, reachOpen } from './reach.js'
import { powerState } from './state.js'

/**
 * A session on the user's terminal, or one command whose words go to ssh as they are.
 * @returns the remote exit status (255 for ssh's own failures)
 * @throws MachineError `not-running` in docker-machine's words
 */
export async function sshSession(
  ctx: MachineContext,
  name: string,
  words: readonly string[],
): Promise<number> {
  const open = await openMachine(ctx, name)
  sshEndpoint(ctx, open)
  if ((await powerState(open, ctx.signal)) !== 'Running') {
    throw new MachineError('not-running', `Error: Cannot run SSH command: Host "${name}" is not running`, {
      machine: name,
      hints: [`Start it: ${ctx.profile.program} start ${name}`],
    })
  }
  const host = await reachOpen(ctx, open)
  const configPath = ctx.nativeSsh ? undefined : await jumpConfig(ctx, host, words)
  const status = await runInteractive(host, {
    extra: words,
    signal: endSignal(ctx.signal),
    ...(configPath === undefined ? {} : { configPath }),
    ...(ctx.nativeSsh ? { program: null } : {}),
  })
  // What ssh says of a connection that did not come about.
  if (status === 255) for (const text of accessHints(open)) ctx.report({ type: 'info', machine: name, text })
  return status
}

/** `-J OTHER` goes through a machine of ours by its name. Other hosts are left to ssh. */
async function jumpConfig(
  ctx: MachineContext,
  host: SshHost,
  words: readonly string[],
): Promise<string | undefined> {
  const names = new Set(jumpHosts(readPassedWords(words)).filter((hop) => ctx.store.exists(hop)))
  if (names.size === 0 && !host.endpoint.jump) return undefined
  const others = await Promise.all([...names].map((name) => reach(ctx, name)))
  return await programConfig([host, ...others])
}

/** Ctrl-C goes to the ssh program itself; only being told to end ends it from here. */
export function endSignal(signal: AbortSignal): AbortSignal {
  const controller = new AbortController()
  onAbort(signal, () => {
    const reason: unknown = signal.reason
    if (!(reason instanceof MachineError && reason.exitCode === 130)) controller.abort(reason)
  })
  return controller.signal
}
