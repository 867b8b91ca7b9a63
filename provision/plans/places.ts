/** Files on the host that plans write. */

export const TLS_PATHS = {
  ca: '/etc/docker/ca.pem',
  cert: '/etc/docker/server.pem',
  key: '/etc/docker/server-key.pem',
} as const

export const DAEMON_JSON = '/etc/docker/daemon.json'
/** What daemon.json was before a restart that keeps containers: there only while one is under way. */
export const DAEMON_JSON_BEFORE = '/etc/docker/daemon.json.before-restart'
export const ENGINE_ENV = '/etc/docker/engine.env'
export const CERTS_D = '/etc/docker/certs.d'
/** docker-machine's name, so that either tool replaces the other's settings. */
export const DROP_IN = '/etc/systemd/system/docker.service.d/10-machine.conf'
export const ENGINE_UNIT = '/etc/systemd/system/docker.service'
export const CONTAINERD_UNIT = '/etc/systemd/system/tsmachine-containerd.service'
export const CONTAINERD_CONFIG = '/etc/tsmachine/containerd.toml'
export const MODULES_LOAD = '/etc/modules-load.d/tsmachine.conf'
export const BUNDLE_ROOT = '/opt/tsmachine'
export const BUNDLE_CURRENT = `${BUNDLE_ROOT}/current`
/** The engine's own socket on the host. */
export const LOCAL_SOCKET = 'unix:///var/run/docker.sock'
