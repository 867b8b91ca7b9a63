import type { Link, Network, NetworkContext } from './network.js'
import { addForward } from './ports.js'
import { type QmpClient, withQmp } from './qmp.js'

/** Ports in the guest. */
export const GUEST_SSH_PORT = 22
export const GUEST_ENGINE_PORT = 2376

/**
 * QEMU's user network: no rights needed, ports of 127.0.0.1 lead into the guest. Forwards are asked for over QMP with
 * host port 0 and read back, so no other program can take the port in between.
 */
export function userNetwork(context: NetworkContext): Network {
  const { config, last, sockets } = context
  return {
    netdev: () => 'user,id=net0',
    async after(signal, warn): Promise<Link> {
      return await withQmp(sockets.control, signal, async (qmp) => ({
        address: '127.0.0.1',
        sshPort: await forward(qmp, GUEST_SSH_PORT, config.sshPort, last.sshPort, warn),
        enginePort: await forward(qmp, GUEST_ENGINE_PORT, config.enginePort, last.enginePort, warn),
      }))
    },
  }
}

/** The port that the user fixed, or else the last one, or else any. */
async function forward(
  qmp: QmpClient,
  guestPort: number,
  fixed: number,
  last: number,
  warn: (text: string) => void,
): Promise<number> {
  const wanted = { protocol: 'tcp', guestPort } as const
  if (fixed > 0 || last === 0) return await addForward(qmp, { ...wanted, hostPort: fixed })
  try {
    return await addForward(qmp, { ...wanted, hostPort: last })
  } catch {
    const port = await addForward(qmp, { ...wanted, hostPort: 0 })
    warn(`Port ${last} of this computer is taken now; ${port} leads to guest port ${guestPort} instead`)
    return port
  }
}
