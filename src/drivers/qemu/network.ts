import type { Clock } from '../../contracts/clock.js'
import { bridgeNetwork } from './network-bridge.js'
import type { NetworkChoice } from './network-choice.js'
import { passtNetwork } from './network-passt.js'
import { userNetwork } from './network-user.js'
import type { MachineFiles, VmSockets } from './layout.js'
import type { QemuConfig } from './config.js'

/** Where a started VM is reached from this computer. */
export interface Link {
  readonly address: string
  readonly sshPort: number
  readonly enginePort: number
}

/** What a network is made for. */
export interface NetworkContext {
  readonly id: string
  readonly config: QemuConfig
  readonly sockets: VmSockets
  readonly files: MachineFiles
  readonly clock: Clock
  /** Factor on guest deadlines. */
  readonly patience: number
  /** Ports of the last start, asked for again; 0 when there are none. */
  readonly last: Link
  /** False once QEMU is gone: no wait for its guest makes sense. */
  readonly alive: () => boolean
}

/** One way to connect a VM, for one start. */
export interface Network {
  /** Starts what QEMU connects to. */
  before?(signal: AbortSignal): Promise<void>
  /** Value of `-netdev`, id `net0`. Asked after `before`. */
  netdev(): string
  /** Makes the connection once QEMU runs. `warn` tells the user of ports that had to change. */
  after(signal: AbortSignal, warn: (text: string) => void): Promise<Link>
  /** Undoes `before` when QEMU could not be started. */
  abandon?(): void
}

/** The network that a config asks for. */
export function openNetwork(choice: NetworkChoice, context: NetworkContext): Network {
  switch (choice.mode) {
    case 'user':
      return userNetwork(context)
    case 'passt':
      return passtNetwork(context)
    case 'bridge':
      return bridgeNetwork(context, choice.bridge)
  }
}
