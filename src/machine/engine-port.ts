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
  const others = portsOfOthers(ctx, name)
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FIRST, BEYOND)
    if (!others.has(port) && (await isFree(port))) return port
  }
  throw new MachineError('driver', `No port of ${LOCAL} from ${FIRST} to ${BEYOND - 1} is free`, {
    machine: name,
  })
}

/** Ports that lead to other machines' engines, whether their helpers run or not: their Docker contexts name them. */
export function portsOfOthers({ store }: MachineContext, name: string): ReadonlySet<number> {
  const others = store.readAll().filter((record) => record.name !== name)
  return new Set(others.flatMap(({ ledger }) => ledger?.engineTunnel?.port ?? []))
}

/** Whether nobody listens there. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, LOCAL, () => server.close(() => resolve(true)))
  })
}
