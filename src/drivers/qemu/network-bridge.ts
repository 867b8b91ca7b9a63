import { MachineError } from '../../contracts/errors.js'
import { run, runChecked } from '../../util/exec.js'
import { type Pending, pending, waitFor } from '../../util/wait.js'
import { macOf } from './argv.js'
import { addressOnConsole, consoleTail } from './console.js'
import { GUEST_ENGINE_PORT, GUEST_SSH_PORT } from './network-user.js'
import type { Link, Network, NetworkContext } from './network.js'

const ADDRESS_MS = 60_000

/**
 * A port on a bridge that is there already: the VM gets an address of its own from whoever serves DHCP on it. As root
 * QEMU makes a tap interface that goes away with it; other users go through qemu-bridge-helper.
 */
export function bridgeNetwork(context: NetworkContext, bridge: string): Network {
  const tap = `tsm${context.id.slice(0, 8)}`
  const root = process.getuid?.() === 0
  return {
    netdev: () =>
      root ? `tap,id=net0,ifname=${tap},script=no,downscript=no` : `bridge,id=net0,br=${bridge}`,
    async after(signal): Promise<Link> {
      if (root) await runChecked('driver', 'ip', ['link', 'set', tap, 'master', bridge, 'up'], { signal })
      const address = await waitForAddress(context, bridge, signal)
      return { address, sshPort: GUEST_SSH_PORT, enginePort: GUEST_ENGINE_PORT }
    },
  }
}

/** The guest says its address on the console; else this computer may know it as a neighbour. */
async function waitForAddress(context: NetworkContext, bridge: string, signal: AbortSignal): Promise<string> {
  const mac = macOf(context.id)
  return await waitFor(
    `the VM to get an address on ${bridge}`,
    async (probe): Promise<string | Pending> => {
      if (!context.alive()) throw new MachineError('driver', 'QEMU ended before the VM had an address')
      const address =
        addressOnConsole(consoleTail(context.files.console)) ?? (await neighbour(bridge, mac, probe))
      return address ?? pending(`no address for ${mac}`)
    },
    {
      deadlineMs: ADDRESS_MS * context.patience,
      intervalMs: 250,
      maxIntervalMs: 1_000,
      signal,
      clock: context.clock,
      hints: [
        `Does anything serve DHCP on ${bridge}?`,
        'The guest says what it tried: tsmachine logs NAME --boot',
      ],
      evidence: () => consoleTail(context.files.console),
    },
  )
}

async function neighbour(bridge: string, mac: string, signal: AbortSignal): Promise<string | undefined> {
  const { stdout } = await run('ip', ['-4', 'neigh', 'show', 'dev', bridge], { signal })
  const line = stdout
    .split('\n')
    .find((text) => text.toLowerCase().includes(` ${mac}`) && !/FAILED|INCOMPLETE/.test(text))
  return line?.split(' ')[0]
}
