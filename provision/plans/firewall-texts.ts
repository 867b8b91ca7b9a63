/** Services that let the engine's port in again after a boot, when the host's own rules are loaded. */

const SCRIPT = '/etc/tsmachine/open-port.sh'

export function firewallUnit(): string {
  return `[Unit]
Description=Firewall rule for the engine that tsmachine manages
After=nftables.service iptables.service netfilter-persistent.service
Before=docker.service

[Service]
Type=oneshot
ExecStart=/bin/sh ${SCRIPT}

[Install]
WantedBy=multi-user.target
`
}

export function firewallService(): string {
  return `#!/sbin/openrc-run
# Written by tsmachine.
description="Firewall rule for the engine that tsmachine manages"

depend() {
	after firewall iptables nftables
	before docker
}

start() {
	sh ${SCRIPT}
}
`
}
