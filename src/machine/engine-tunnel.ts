/**
 * `--engine-access ssh`: the engine's port is open to nobody, and this computer reaches it through a port of its own that
 * a helper program leads over SSH. TLS goes from the client to the engine as everywhere.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMachineError } from '../contracts/errors.js'
import type { TunnelPlan } from '../ssh/tunnel.js'
import { writeFileAtomic } from '../util/atomic-file.js'
import { processAlive } from '../util/process.js'
import { pending, waitFor } from '../util/wait.js'
import { loginOptions, settledPins, sshEndpoint } from './connect.js'
import type { MachineContext } from './context.js'
import { syncDockerContext } from './docker-context.js'
import { updateLedger } from './driver-events.js'
import { type EnginePort, EnginePorts, isFree, LOCAL, unusedPort } from './engine-port.js'
import type { OpenMachine } from './open.js'

const START_MS = 15_000
/** A helper may take so long from listening to saying so, and a killed one to let its port go. */
const SETTLE_MS = 2_000
const PLAN = 'engine-tunnel.json'
const STATE = 'engine-tunnel.run.json'

/**
 * Starts the helper of a machine whose engine is reached over SSH, unless it runs. A port that another program or
 * another machine has is given up: a client that came there would speak with somebody else. `ports` for those who ask for many.
 * @throws MachineError `timeout` when the helper does not come to listen
 */
export async function ensureTunnel(
  ctx: MachineContext,
  open: OpenMachine,
  ports = new EnginePorts(ctx.store),
): Promise<void> {
  const { tunnel } = open
  if (!tunnel) return
  const { dir } = open.record
  // Another process may have moved it since the record was read.
  tunnel.port = ctx.store.read(open.name).ledger?.engineTunnel?.port ?? tunnel.port
  await writePlan(ctx, open, tunnel.port)
  if (await runs(dir, tunnel.port)) return
  if (ports.isOfAnother(tunnel.port, open.name)) await move(ctx, open, tunnel, 'another machine')
  else if (!(await isOurs(ctx, dir, tunnel.port))) await move(ctx, open, tunnel, 'another program')
  else if (await runs(dir, tunnel.port)) return
  ports.moved(open.name, tunnel.port)
  await startHelper(ctx, open, tunnel.port)
}

async function startHelper(ctx: MachineContext, open: OpenMachine, port: number): Promise<void> {
  const { dir } = open.record
  await ctx.driverDeps.spawnHelper('engine-tunnel', {
    machine: open.name,
    plan: join(dir, PLAN),
    state: join(dir, STATE),
  })
  await waitFor(
    `port ${port} of ${LOCAL} to lead to the engine of ${open.name}`,
    async () =>
      (await runs(dir, port)) ||
      pending('the helper program does not listen; another program may have taken the port'),
    {
      deadlineMs: START_MS,
      intervalMs: 50,
      signal: ctx.signal,
      clock: ctx.clock,
      hints: [`See who has it: ss -ltnp 'sport = :${port}'`],
    },
  )
}

/** Record, plan and Docker context name the new port before anybody listens there. */
async function move(
  ctx: MachineContext,
  open: OpenMachine,
  tunnel: EnginePort,
  holder: string,
): Promise<void> {
  const { name } = open
  const [from, port] = [tunnel.port, await unusedPort(ctx, name)]
  await updateLedger(ctx, name, open.factory, (ledger) => ({ ...ledger, engineTunnel: { port } }))
  tunnel.port = port
  await writePlan(ctx, open, port)
  if (open.ledger.dockerContext !== undefined) await syncDockerContext(ctx, open)
  const text = `Port ${from} of ${LOCAL} is ${holder}'s: the engine of ${name} is now at port ${port}. Shells need "tsmachine env ${name}" again`
  ctx.report({ type: 'warn', machine: name, text })
}

/** Whether nobody has the port, or this machine's helper: one that begins or ends is both for a moment. */
async function isOurs(ctx: MachineContext, dir: string, port: number): Promise<boolean> {
  const look = async () => (await isFree(port)) || (await runs(dir, port)) || pending('somebody has it')
  const { clock, signal } = ctx
  try {
    return await waitFor('the port', look, { deadlineMs: SETTLE_MS, intervalMs: 50, signal, clock })
  } catch (error) {
    if (isMachineError(error) && error.code === 'timeout') return false
    throw error
  }
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

/** Whether this machine's own helper has the port: that very process lives, and it has said so after it listened. */
async function runs(dir: string, port: number): Promise<boolean> {
  try {
    const state = JSON.parse(await readFile(join(dir, STATE), 'utf8')) as Running
    return state.port === port && processAlive(state)
  } catch {
    return false
  }
}
