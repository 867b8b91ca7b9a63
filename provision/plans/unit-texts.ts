import { BUNDLE_CURRENT, CONTAINERD_CONFIG, LOCAL_SOCKET, placesOf } from './places.js'

const ENGINE_ENV = placesOf('systemd').engineEnv

/** Where containerd of the bundle listens: not the usual place, which a containerd of the host may use. */
export const CONTAINERD_SOCKET = '/run/tsmachine/containerd/containerd.sock'

/** Our prefix first (shim, runc, docker-proxy, docker-init are found there), our iptables only where the host has none. */
const ENGINE_PATH = [
  `${BUNDLE_CURRENT}/bin`,
  '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  `${BUNDLE_CURRENT}/iptables`,
].join(':')

/** A relocated engine must not load the host's name-service libraries into our libc: Go resolves names itself. */
const COMMON = `Environment=PATH=${ENGINE_PATH}
Environment=GODEBUG=netdns=go
# Containers live on while the engine restarts.
KillMode=process
Delegate=yes
TasksMax=infinity
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
OOMScoreAdjust=-500`

/** containerd as a service of its own: the engine can restart without it. */
export function containerdUnit(): string {
  return `[Unit]
Description=containerd of the engine that tsmachine installed
After=network.target local-fs.target

[Service]
Type=notify
ExecStart=${BUNDLE_CURRENT}/bin/containerd --config ${CONTAINERD_CONFIG}
Restart=always
RestartSec=2
${COMMON}

[Install]
WantedBy=multi-user.target
`
}

/** The engine. `publicCas` is our own file of public CAs, for hosts that have none (pulls need one). */
export function engineUnit(options: { port: number; hasPublicCas: boolean }): string {
  const cas = options.hasPublicCas
    ? ''
    : `Environment=SSL_CERT_FILE=${BUNDLE_CURRENT}/etc/ca-certificates.crt\n`
  return `[Unit]
Description=Docker engine that tsmachine installed
After=network-online.target tsmachine-containerd.service firewalld.service
Wants=network-online.target tsmachine-containerd.service

[Service]
Type=notify
ExecStart=${BUNDLE_CURRENT}/bin/dockerd --containerd=${CONTAINERD_SOCKET} -H ${LOCAL_SOCKET} -H tcp://0.0.0.0:${options.port}
ExecReload=/bin/kill -s HUP $MAINPID
TimeoutStartSec=0
Restart=always
RestartSec=2
EnvironmentFile=-${ENGINE_ENV}
${cas}${COMMON}

[Install]
WantedBy=multi-user.target
`
}

/** State apart from any containerd of the host. Its Kubernetes plugin is off: nobody asks for it. */
export function containerdConfig(): string {
  return `version = 2
root = "/var/lib/tsmachine/containerd"
state = "/run/tsmachine/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]

[debug]
  level = "warn"

[grpc]
  address = "${CONTAINERD_SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/tsmachine/containerd/opt"
`
}

/** Drop-in for the distribution's own engine: its command line, and our address after it. */
export function dropIn(execStart: string, addresses: readonly string[]): string {
  const added = addresses.map((address) => ` -H ${address}`).join('')
  return `# Written by tsmachine. The command is the unit's own with the machine's address added; settings are in daemon.json.
[Service]
ExecStart=
ExecStart=${execStart}${added}
EnvironmentFile=-${ENGINE_ENV}
`
}
