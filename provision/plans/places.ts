import type { InitSystem } from '../../src/contracts/provision.js'

/** Files on the host that plans write. */

/** What every plan writes, wherever the host keeps it. */
export interface Places {
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string }
  readonly daemonJson: string
  /** What daemon.json was before a restart that keeps containers: there only while one is under way. */
  readonly daemonJsonBefore: string
  readonly engineEnv: string
  /** CAs of registries, a folder each. */
  readonly certsD: string
}

function places(docker: string, tls = docker, env = docker): Places {
  return {
    tls: { ca: `${tls}/ca.pem`, cert: `${tls}/server.pem`, key: `${tls}/server-key.pem` },
    daemonJson: `${docker}/daemon.json`,
    daemonJsonBefore: `${docker}/daemon.json.before-restart`,
    engineEnv: `${env}/engine.env`,
    certsD: `${docker}/certs.d`,
  }
}

const USUAL = places('/etc/docker')
/** All but /var/lib/boot2docker is in memory there; its start script makes /etc/docker a link. */
export const BOOT2DOCKER_DIR = '/var/lib/boot2docker'
const BOOT2DOCKER = places(`${BOOT2DOCKER_DIR}/etc/docker`, BOOT2DOCKER_DIR, BOOT2DOCKER_DIR)

export function placesOf(init: InitSystem): Places {
  return init === 'boot2docker' ? BOOT2DOCKER : USUAL
}

/** docker-machine's name, so that either tool replaces the other's settings. */
export const DROP_IN = '/etc/systemd/system/docker.service.d/10-machine.conf'
export const ENGINE_UNIT = '/etc/systemd/system/docker.service'
export const CONTAINERD_UNIT = '/etc/systemd/system/tsmachine-containerd.service'
export const ENGINE_SERVICE = '/etc/init.d/docker'
export const CONTAINERD_SERVICE = '/etc/init.d/tsmachine-containerd'
export const CONTAINERD_CONFIG = '/etc/tsmachine/containerd.toml'
export const FIREWALL_RULES = '/etc/tsmachine/firewall'
export const FIREWALL_UNIT = '/etc/systemd/system/tsmachine-firewall.service'
export const FIREWALL_SERVICE = '/etc/init.d/tsmachine-firewall'
export const MODULES_LOAD = '/etc/modules-load.d/tsmachine.conf'
export const BOOT2DOCKER_PROFILE = `${BOOT2DOCKER_DIR}/profile`
export const BUNDLE_ROOT = '/opt/tsmachine'
export const BUNDLE_CURRENT = `${BUNDLE_ROOT}/current`
/** The engine's own socket on the host. */
export const LOCAL_SOCKET = 'unix:///var/run/docker.sock'
