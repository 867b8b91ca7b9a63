import { readFile, rm } from 'node:fs/promises'
import type { JsonObject } from '../../contracts/json.js'
import { ConfigReader } from '../../drivers/common/config-reader.js'
import { PortForwarder, type Published } from '../../drivers/qemu/forwarder.js'
import { QmpClient } from '../../drivers/qemu/qmp.js'
import { listContainers } from '../../engine/containers.js'
import { engineEvents } from '../../engine/events.js'
import type { EngineTarget } from '../../engine/target.js'
import { systemClock } from '../../util/clock.js'

/** Pause before the engine is asked again after it went away: it restarts within seconds. */
const RECONNECT_MS = 500
/** How often a port that was taken is tried again. */
const TRY_AGAIN_MS = 5_000

/**
 * Follows the ports that containers of one VM publish, as long as that VM lives: its monitor connection is the life line.
 * Arguments: `socket` (QMP), `state` (file to write), `host`, `port`, and paths `ca`, `cert`, `key`.
 */
export async function run(args: JsonObject): Promise<void> {
  const read = new ConfigReader(args)
  const qmp = await QmpClient.connect(read.string('socket'))
  const end = new AbortController()
  void qmp.closed.then(() => end.abort())
  const forwarder = new PortForwarder(qmp, read.string('state'))
  while (!end.signal.aborted) {
    await follow(read, forwarder, end.signal).catch(() => undefined)
    await systemClock.sleep(RECONNECT_MS, end.signal).catch(() => undefined)
  }
  await rm(read.string('state'), { force: true })
}

/** One connection to the engine, until it ends. Certificates are read anew: they may have been renewed. */
async function follow(read: ConfigReader, forwarder: PortForwarder, signal: AbortSignal): Promise<void> {
  const target = await engineTarget(read)
  const update = oneAtATime(async () => forwarder.apply(await publishedPorts(target, signal)))
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  void tryAgain(forwarder, update, both)
  try {
    for await (const event of engineEvents({ ...target, signal: both, onOpen: update })) if (event) update()
  } finally {
    stop.abort()
  }
}

/** A port that another program had may be free now. */
async function tryAgain(forwarder: PortForwarder, update: () => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await systemClock.sleep(TRY_AGAIN_MS, signal).catch(() => undefined)
    if (!signal.aborted && forwarder.incomplete) update()
  }
}

async function engineTarget(read: ConfigReader): Promise<EngineTarget> {
  const [ca, cert, key] = await Promise.all(['ca', 'cert', 'key'].map((name) => readFile(read.string(name))))
  if (!ca || !cert || !key) throw new Error('no client certificate')
  return { host: read.string('host'), port: read.integer('port') ?? 0, ca, cert, key }
}

async function publishedPorts(target: EngineTarget, signal: AbortSignal): Promise<readonly Published[]> {
  const containers = await listContainers({ ...target, signal })
  return containers.flatMap((container) =>
    container.ports.map((port) => ({
      container: container.name,
      protocol: port.protocol,
      address: port.ip,
      port: port.publicPort,
    })),
  )
}

/** Runs `work` when called; calls during a run lead to exactly one more. Failures are left to the next call. */
function oneAtATime(work: () => Promise<void>): () => void {
  let running = false
  let again = false
  const start = async (): Promise<void> => {
    if (running) return void (again = true)
    running = true
    do {
      again = false
      await work().catch(() => undefined)
    } while (again)
    running = false
  }
  return () => void start()
}
