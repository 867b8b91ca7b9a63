import type { JsonObject } from '../../contracts/json.js'
import { ConfigReader } from '../../drivers/common/config-reader.js'
import { readTunnelPlan, Tunnel } from '../../ssh/tunnel.js'
import { writeFileAtomic } from '../../util/atomic-file.js'
import { systemClock } from '../../util/clock.js'
import { bootId, processStart } from '../../util/process.js'

/** How often it is looked whether the machine is still there. */
const LOOK_MS = 2_000

/**
 * Leads a port of this computer to a machine's engine for as long as the machine is recorded and wants this port.
 * Arguments: `plan` (file), `state` (file to write once the port is ours).
 */
export async function run(args: JsonObject): Promise<void> {
  const read = new ConfigReader(args)
  const path = read.string('plan')
  const { port } = await readTunnelPlan(path)
  await new Tunnel(path).listen(port)
  const own = { pid: process.pid, startTime: processStart(process.pid) ?? '', bootId: bootId(), port }
  await writeFileAtomic(read.string('state'), `${JSON.stringify(own)}\n`, { mode: 0o600 })
  const forever = new AbortController().signal
  while (await isWanted(path, port)) await systemClock.sleep(LOOK_MS, forever)
}

async function isWanted(path: string, port: number): Promise<boolean> {
  const plan = await readTunnelPlan(path).catch(() => undefined)
  return plan?.port === port
}
