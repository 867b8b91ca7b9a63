import type { PortForward, WantedForward } from '../contracts/forwards.js'
import { MachineError } from '../contracts/errors.js'
import type { MachineContext } from './context.js'
import { openMachine, type OpenMachine } from './open.js'

/** Forwarded ports of a machine behind user-mode networking. @throws MachineError `driver` for any other machine */
export async function listForwards(ctx: MachineContext, name: string): Promise<readonly PortForward[]> {
  const open = await openMachine(ctx, name)
  if (!open.driver.forwards) throw noForwards(open)
  return await open.driver.forwards(open.machine)
}

/** Adds or removes a forward on 127.0.0.1 by hand. One that was added is there at every start. */
export async function changeForward(
  ctx: MachineContext,
  name: string,
  change: 'add' | 'remove',
  forward: WantedForward,
): Promise<void> {
  const lock = await ctx.store.lock(name, `forward ${name}`, { signal: ctx.signal })
  try {
    const open = await openMachine(ctx, name)
    const verb = change === 'add' ? 'addForward' : 'removeForward'
    if (!open.driver[verb]) throw noForwards(open)
    await open.driver[verb](open.machine, forward)
  } finally {
    await lock.release()
  }
}

function noForwards(open: OpenMachine): MachineError {
  return new MachineError(
    'driver',
    `The ${open.factory.name} driver forwards no ports: "${open.name}" has an address`,
    {
      machine: open.name,
      hints: [`Use its ports directly: tsmachine ip ${open.name}`],
    },
  )
}

/** `GUEST`, `HOST:GUEST`, each with `/udp` or `/tcp` after it, in the order that `docker run -p` has. */
export function parseForward(text: string): WantedForward {
  const match = /^(?:(\d+):)?(\d+)(?:\/(tcp|udp))?$/.exec(text)
  const guestPort = Number(match?.[2] ?? 0)
  const hostPort = Number(match?.[1] ?? guestPort)
  if (!isPort(guestPort) || !isPort(hostPort)) {
    throw new MachineError('usage', `"${text}" is not a port to forward`, {
      hints: ['Write PORT, or HOSTPORT:PORT as in docker run -p, with /udp after it for UDP: 8080:80'],
    })
  }
  return { guestPort, hostPort, protocol: match?.[3] === 'udp' ? 'udp' : 'tcp' }
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535
}
