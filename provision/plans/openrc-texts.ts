import { BUNDLE_CURRENT, CONTAINERD_CONFIG, LOCAL_SOCKET, placesOf } from './places.js'
import { CONTAINERD_SOCKET } from './unit-texts.js'

/**
 * OpenRC's services are shell scripts: only our own constants are in them. What the user chose is in daemon.json and in
 * the file of exports that `start_pre` reads, readable by root alone.
 */

/** As the systemd units have it: see there. Runs in the shell that then starts the daemon, so it is inherited. */
function preparation(name: string, extra: string): string {
  return `start_pre() {
	export PATH="${BUNDLE_CURRENT}/bin:$PATH:/usr/local/sbin:/usr/local/bin:${BUNDLE_CURRENT}/iptables"
	export GODEBUG=netdns=go
	ulimit -n 1048576 2>/dev/null
	ulimit -c unlimited 2>/dev/null
	echo -500 >/proc/self/oom_score_adj
${extra}	checkpath -f -m 0640 /var/log/${name}.log
}
`
}

/** Stopping reaches the daemon alone (`rc_cgroup_cleanup` would end everything in its control group). */
function head(name: string, description: string): string {
  return `#!/sbin/openrc-run
# Written by tsmachine.
description="${description}"
supervisor=supervise-daemon
pidfile=/run/supervise-${name}.pid
output_log=/var/log/${name}.log
error_log=/var/log/${name}.log
respawn_delay=2
respawn_max=0
rc_cgroup_cleanup=no
`
}

/** containerd as a service of its own: the engine can restart without it. */
export function containerdService(): string {
  return `${head('tsmachine-containerd', 'containerd of the engine that tsmachine installed')}command=${BUNDLE_CURRENT}/bin/containerd
command_args="--config ${CONTAINERD_CONFIG}"
retry=TERM/30/KILL/5

depend() {
	want cgroups
	use net
	after firewall
}

${preparation('tsmachine-containerd', '')}`
}

/** The engine. `publicCas` is our own file of public CAs, for hosts that have none (pulls need one). */
export function engineService(options: { port: number; hasPublicCas: boolean }): string {
  const { engineEnv } = placesOf('openrc')
  const cas = options.hasPublicCas ? '' : `	export SSL_CERT_FILE=${BUNDLE_CURRENT}/etc/ca-certificates.crt\n`
  return `${head('docker', 'Docker engine that tsmachine installed')}command=${BUNDLE_CURRENT}/bin/dockerd
command_args="--containerd=${CONTAINERD_SOCKET} -H ${LOCAL_SOCKET} -H tcp://0.0.0.0:${options.port}"
retry=TERM/60/KILL/10
extra_started_commands=reload

depend() {
	want cgroups tsmachine-containerd
	use net dns logger
	after tsmachine-containerd firewall iptables nftables ufw firewalld
}

${preparation('docker', `${cas}	[ ! -r ${engineEnv} ] || . ${engineEnv}\n`)}
reload() {
	ebegin "Reloading $RC_SVCNAME"
	supervise-daemon "$RC_SVCNAME" --signal HUP --pidfile "$pidfile"
	eend $?
}
`
}
