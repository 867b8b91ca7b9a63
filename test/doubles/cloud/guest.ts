/** What is behind a server of a double: nothing, or a real VM. */
export interface Guest {
  readonly address: string
  powerOn(): Promise<void>
  powerOff(): Promise<void>
  /** Asks it to power off; ends when it has. */
  shutdown(): Promise<void>
  reboot(): Promise<void>
  /** Another address from the next power on. */
  moveAway(): void
  /** The ports that callers reach. */
  open(ports: readonly number[]): Promise<void>
  console(): string
  /** The guest has powered itself off. */
  onOff(listener: () => void): void
  end(): Promise<void>
}

export interface GuestSpec {
  readonly id: string
  readonly name: string
  readonly userData: string
  readonly publicKeys: readonly string[]
}

export interface GuestHost {
  make(spec: GuestSpec): Guest
  /** Ends all guests. */
  close(): Promise<void>
}

/** Ports of a server that a driver calls. */
export const SERVED_PORTS = [22, 2376] as const

let used = 0

/**
 * Addresses that no other server has, on any double of this computer: all of loopback, so that nothing leads outside.
 * The process id keeps doubles of different processes apart.
 */
export function nextAddress(): string {
  used += 1
  const net = 2 + (process.pid % 250)
  return `127.${net}.${Math.floor(used / 254) % 256}.${1 + (used % 254)}`
}

/** Servers that are names only: their states change with the clock. */
export class NoGuests implements GuestHost {
  make(): Guest {
    return new NoGuest()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

class NoGuest implements Guest {
  address = nextAddress()

  moveAway(): void {
    this.address = nextAddress()
  }

  console = (): string => ''
  onOff = (): void => undefined
  powerOn = nothing
  powerOff = nothing
  shutdown = nothing
  reboot = nothing
  open = nothing
  end = nothing
}

async function nothing(): Promise<void> {
  await Promise.resolve()
}
