import { placesOf } from '../../provision/plans/places.js'
import type { SwarmChoices } from '../contracts/record.js'
import { EngineConnection } from '../engine/request.js'
import { runContainer, type WantedContainer } from '../engine/run-container.js'
import { readClientPem } from './client-pem.js'
import type { CreateState } from './create-state.js'
import type { OpenMachine } from './open.js'

/** docker-machine announces managers at this port whatever `--swarm-host` says. */
const ADVERTISED_PORT = 3376
const MASTER = 'swarm-agent-master'
const AGENT = 'swarm-agent'

/** Stage `swarm`: the containers of a classic swarm run on the machine's engine. */
export async function setUpSwarm({ open, facts }: CreateState, signal: AbortSignal): Promise<void> {
  const { swarm } = open.ledger.options
  if (!swarm) return
  const { host, port } = open.driver.endpoint(open.machine).engine
  const engine = new EngineConnection({ host, port, ...readClientPem(open) })
  try {
    for (const container of swarmContainers(open, swarm, placesOf(facts?.init ?? 'unknown').tls))
      await runContainer(engine, container, signal)
  } finally {
    engine.close()
  }
}

interface TlsPaths {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** What docker-machine runs for the same flags. */
export function swarmContainers(
  open: OpenMachine,
  swarm: SwarmChoices,
  tls: TlsPaths,
): readonly WantedContainer[] {
  const { address, enginePort } = open.driver.endpoint(open.machine)
  const { image, experimental } = swarm
  const at = (port: number): string => `${address.includes(':') ? `[${address}]` : address}:${port}`
  const first = experimental ? ['--experimental'] : []
  const common = { image, env: open.ledger.options.engine.env }
  const flags = (options: readonly string[]): string[] => options.map((option) => `--${option}`)
  const manage = [
    ...['manage', '--tlsverify', `--tlscacert=${tls.ca}`, `--tlscert=${tls.cert}`, `--tlskey=${tls.key}`],
    ...['-H', swarm.host, '--strategy', swarm.strategy, '--advertise', at(ADVERTISED_PORT)],
  ]
  const join = ['join', '--advertise', at(enginePort)]
  const folder = tls.ca.replace(/\/[^/]*$/, '')
  const port = Number(/:(\d+)\/?$/.exec(swarm.host)?.[1] ?? ADVERTISED_PORT)
  const master: WantedContainer = {
    ...common,
    name: MASTER,
    cmd: [...first, ...manage, ...flags(swarm.opts), swarm.discovery],
    binds: [`${folder}:${folder}`],
    ports: [port],
  }
  const agent: WantedContainer = {
    ...common,
    name: AGENT,
    cmd: [...first, ...join, ...flags(swarm.joinOpts), swarm.discovery],
    binds: [],
    ports: [],
  }
  return [...(swarm.master ? [master] : []), ...(swarm.agent ? [agent] : [])]
}
