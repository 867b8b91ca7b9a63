import type { InitSystem } from '../../src/contracts/provision.js'

/** How an init system drives the engine. All of these act on the engine alone: containers keep running. */
export interface EngineService {
  readonly start: readonly string[]
  readonly restart: readonly string[]
  /** The engine reads daemon.json again (SIGHUP). */
  readonly reload: readonly string[]
  /** Forgets that the engine failed too often, which would keep it from being started. */
  readonly forgive?: readonly string[]
  /** Last log lines, as evidence after a failure. */
  readonly log: readonly string[]
}

/** Services that do not say when the engine is ready: our script waits for its answer. */
function waiting(program: readonly string[], forgive: readonly string[]): EngineService {
  const act = (action: string): string[] => ['sh', '@lib/service.sh', action, ...program]
  return {
    start: act('start'),
    restart: act('restart'),
    reload: act('reload'),
    ...(forgive.length > 0 ? { forgive } : {}),
    log: ['sh', '@lib/engine-log.sh', '30'],
  }
}

/** Init systems that plans can be made for. */
export const SERVICES: Readonly<Partial<Record<InitSystem, EngineService>>> = {
  tsmachine: {
    start: ['tsmachine-service', 'engine', 'start'],
    restart: ['tsmachine-service', 'engine', 'restart'],
    reload: ['tsmachine-service', 'engine', 'reload'],
    log: ['tsmachine-service', 'engine', 'log', '-n', '30'],
  },
  systemd: {
    start: ['systemctl', 'start', 'docker.service'],
    restart: ['systemctl', 'restart', 'docker.service'],
    reload: ['systemctl', 'reload', 'docker.service'],
    forgive: ['systemctl', 'reset-failed', 'docker.service'],
    log: ['journalctl', '-u', 'docker.service', '-o', 'cat', '--no-pager', '-n', '30'],
  },
  openrc: waiting(['rc-service', 'docker'], ['rc-service', 'docker', 'zap']),
  boot2docker: waiting(['/etc/init.d/docker'], []),
}
