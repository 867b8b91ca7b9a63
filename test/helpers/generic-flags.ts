import { freePort } from './sshd.js'
import type { StockVm } from './stock-vm.js'

/**
 * Flags of `create` for a stock VM as a host that exists already. The engine listens where the machine's URL says, so
 * the forwarded port is the same on both sides.
 */
export async function genericFlags(vm: StockVm, hostKey = vm.hostKey): Promise<string[]> {
  const port = await freePort()
  await vm.forward(port, port)
  const options = {
    'ip-address': vm.host,
    'ssh-port': vm.sshPort,
    'ssh-user': vm.user,
    'ssh-key': vm.keyPath,
    'host-key': hostKey,
    'engine-port': port,
  }
  return [
    '--driver',
    'generic',
    ...Object.entries(options).flatMap(([key, value]) => [`--generic-${key}`, String(value)]),
  ]
}
