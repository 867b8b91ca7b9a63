/**
 * `--engine-access ssh`: the engine's port is open to nobody, and this computer reaches it through a port of its own that
 * a helper program leads over SSH. TLS goes from the client to the engine as everywhere.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Driver, DriverMachine, Endpoint } from '../contracts/driver.js'
import type { LedgerRecord } from '../contracts/record.js'
import type { TunnelPlan } from '../ssh/tunnel.js'
import { writeFileAtomic } from '../util/atomic-file.js'
import { processAlive } from '../util/process.js'
import { pending, waitFor } from '../util/wait.js'
import { loginOptions, settledPins, sshEndpoint } from './connect.js'
import type { MachineContext } from './context.js'
import type { OpenMachine } from './open.js'

const LOCAL = '127.0.0.1'
const START_MS = 15_000
const PLAN = 'engine-tunnel.json'
const STATE = 'engine-tunnel.run.json'

/** The port of this computer that leads to a new machine's engine, where the engine is reached so. */
export async function tunnelOf({ options }: LedgerRecord): Promise<Pick<LedgerRecord, 'engineTunnel'>> {
  return options.engineAccess === 'ssh' ? { engineTunnel: { port: await freePort() } } : {}
}

/** A driver whose machine's engine is where the tunnel is. */
export function throughTunnel(driver: Driver, { engineTunnel }: Pick<LedgerRecord, 'engineTunnel'>): Driver {
  if (!engineTunnel) return driver
  const endpoint = (machine: DriverMachine): Endpoint => {
    const own = driver.endpoint(machine)
    return {
      ...own,
      engine: { host: LOCAL, port: engineTunnel.port },
      sans: [...own.sans, LOCAL, 'localhost'],
    }
  }
  return new Proxy(driver, {
    get(target, key) {
      if (key === 'endpoint') return endpoint
      const value: unknown = Reflect.get(target, key, target)
      // Private members are those of the driver itself.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/**
 * Starts the helper of a machine whose engine is reached over SSH, unless it runs.
 * @throws MachineError `timeout` when another program has the port
 */
export async function ensureTunnel(ctx: MachineContext, open: OpenMachine): Promise<void> {
  const { engineTunnel } = open.ledger
  if (!engineTunnel) return
  const { dir } = open.record
  const { port } = engineTunnel
  await writePlan(ctx, open, port)
  if (await runs(dir, port)) return
  await ctx.driverDeps.spawnHelper('engine-tunnel', {
    machine: open.name,
    plan: join(dir, PLAN),
    state: join(dir, STATE),
  })
  await waitFor(
    `port ${port} of ${LOCAL} to lead to the engine of ${open.name}`,
    async () =>
      (await runs(dir, port)) ||
      pending('the helper program does not listen; another program may have the port'),
    {
      deadlineMs: START_MS,
      intervalMs: 50,
      signal: ctx.signal,
      clock: ctx.clock,
      hints: [`See who has it: ss -ltnp 'sport = :${port}'`],
    },
  )
}

/** Written anew each time: a start may have changed the address, a rotation the host key. */
async function writePlan(ctx: MachineContext, open: OpenMachine, port: number): Promise<void> {
  const { keys } = await settledPins(ctx, open)
  const plan: TunnelPlan = {
    port,
    remotePort: open.driver.endpoint(open.machine).enginePort,
    endpoint: sshEndpoint(ctx, open),
    hostKeys: keys,
    login: loginOptions(ctx, open),
  }
  const path = join(open.record.dir, PLAN)
  const text = `${JSON.stringify(plan)}\n`
  if ((await readFile(path, 'utf8').catch(() => '')) !== text)
    await writeFileAtomic(path, text, { mode: 0o600 })
}

interface Running {
  readonly pid: number
  readonly startTime: string
  readonly bootId: string
  readonly port: number
}

async function runs(dir: string, port: number): Promise<boolean> {
  try {
    const state = JSON.parse(await readFile(join(dir, STATE), 'utf8')) as Running
    return state.port === port && processAlive(state)
  } catch {
    return false
  }
}

/** A port that nobody has now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, LOCAL, () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
