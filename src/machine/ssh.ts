import { MachineError } from '../contracts/errors.js'
import { runInteractive } from '../ssh/interactive.js'
import { loginOptions, settledPins, sshEndpoint } from './connect.js'
import type { MachineContext } from './context.js'
import { openMachine } from './open.js'
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
  const endpoint = sshEndpoint(open)
  if ((await powerState(open, ctx.signal)) !== 'Running') {
    throw new MachineError('not-running', `Error: Cannot run SSH command: Host "${name}" is not running`, {
      machine: name,
      hints: [`Start it: ${ctx.profile.program} start ${name}`],
    })
  }
  const { privateKeyPath, agent } = loginOptions(ctx, open)
  return await runInteractive(endpoint, {
    pins: await settledPins(ctx, open),
    dir: open.record.dir,
    extra: words,
    signal: endSignal(ctx.signal),
    ...(privateKeyPath === undefined ? {} : { keyPath: privateKeyPath }),
    ...(agent === undefined ? {} : { agent }),
  })
}

/** Ctrl-C goes to the ssh program itself; only being told to end ends it from here. */
function endSignal(signal: AbortSignal): AbortSignal {
  const controller = new AbortController()
  signal.addEventListener('abort', () => {
    const reason: unknown = signal.reason
    if (!(reason instanceof MachineError && reason.exitCode === 130)) controller.abort(reason)
  })
  return controller.signal
}
