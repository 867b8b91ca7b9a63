/** The port of this computer that leads to a machine's engine over SSH: which it is, and who else has it. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import type { Driver, DriverMachine, Endpoint } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import type { LedgerRecord } from '../contracts/record.js'
import type { MachineContext } from './context.js'

export const LOCAL = '127.0.0.1'
/** Below those that systems hand out to outgoing connections. */
const [FIRST, BEYOND] = [20_000, 30_000]
const TRIES = 100

/** Where a machine's engine is on this computer; it moves when another program has taken the port. */
export interface EnginePort {
  port: number
}

/** The port that leads to a new machine's engine, where the engine is reached so. */
export async function engineTunnelOf(
  ctx: MachineContext,
  name: string,
  { options }: LedgerRecord,
): Promise<Pick<LedgerRecord, 'engineTunnel'>> {
  return options.engineAccess === 'ssh' ? { engineTunnel: { port: await unusedPort(ctx, name) } } : {}
}

/** A driver whose machine's engine is where the tunnel is, and the tunnel's port. */
export function throughTunnel(
  driver: Driver,
  { engineTunnel }: Pick<LedgerRecord, 'engineTunnel'>,
): { readonly driver: Driver; readonly tunnel?: EnginePort } {
  if (!engineTunnel) return { driver }
  const tunnel = { port: engineTunnel.port }
  const endpoint = (machine: DriverMachine): Endpoint => {
    const own = driver.endpoint(machine)
    return {
      ...own,
      engine: { host: LOCAL, port: tunnel.port },
      sans: [...own.sans, LOCAL, 'localhost'],
    }
  }
  const led = new Proxy(driver, {
    get(target, key) {
      if (key === 'endpoint') return endpoint
      const value: unknown = Reflect.get(target, key, target)
      // Private members are those of the driver itself.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { driver: led, tunnel }
}

/** A port that no other machine's record names and nobody has now. @throws MachineError `driver` */
export async function unusedPort(ctx: MachineContext, name: string): Promise<number> {
  const ports = new EnginePorts(ctx.store)
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FIRST, BEYOND)
    if (!ports.isOfAnother(port, name) && (await isFree(port))) return port
  }
  throw new MachineError('driver', `No port of ${LOCAL} from ${FIRST} to ${BEYOND - 1} is free`, {
    machine: name,
  })
}

/** Ports that lead to machines' engines, whether their helpers run or not: their Docker contexts name them. Read once. */
export class EnginePorts {
  #ports: Map<string, number> | undefined
  /** How many machines have a port. */
  readonly #counts = new Map<number, number>()

  constructor(private readonly store: Pick<MachineContext['store'], 'readAll'>) {}

  isOfAnother(port: number, name: string): boolean {
    const own = this.#known().get(name) === port ? 1 : 0
    return (this.#counts.get(port) ?? 0) > own
  }

  moved(name: string, port: number): void {
    const ports = this.#known()
    const from = ports.get(name)
    if (from !== undefined) this.#count(from, -1)
    ports.set(name, port)
    this.#count(port, 1)
  }

  #known(): Map<string, number> {
    if (this.#ports) return this.#ports
    this.#ports = new Map()
    for (const { name, ledger } of this.store.readAll())
      if (ledger?.engineTunnel) this.moved(name, ledger.engineTunnel.port)
    return this.#ports
  }

  #count(port: number, by: number): void {
    this.#counts.set(port, (this.#counts.get(port) ?? 0) + by)
  }
}

/** Whether nobody listens there. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, LOCAL, () => server.close(() => resolve(true)))
  })
}
