#!/bin/sh
# /etc/init.d/docker, as docker-machine calls it on boot2docker.
data=/var/lib/boot2docker
settings=/etc/docker/daemon.json

service() { /usr/bin/tsmachine-service engine "$@"; }

# Settings that tsmachine wrote (they have the addresses) go, as dockerd refuses to be told anything twice; what the owner of
# the machine puts there later stays.
drop_ours() {
	! grep -qs '"hosts"' "$settings" || rm -f "$settings" /etc/docker/engine.env
}

# Certificates lie where tsmachine has them, so that either program renews them; writing through the links does the same.
share() {
	for name in ca server server-key; do
		file=$data/$name.pem
		[ -f "$file" ] && [ ! -h "$file" ] || continue
		cp "$file" "/etc/docker/$name.pem.new" && mv "/etc/docker/$name.pem.new" "/etc/docker/$name.pem" &&
			ln -sf "/etc/docker/$name.pem" "$file.link" && mv "$file.link" "$file" || return
	done
	chmod 600 /etc/docker/server-key.pem 2>/dev/null || :
}

# Without `tls` the engine would not be started at boot.
by_profile() {
	[ -s "$data/profile" ] || return 0
	drop_ours
	share || return
	if [ -s "$settings" ]; then cat "$settings"; else echo '{}'; fi | jq '. + {tls: true}' >"$settings.new" &&
		mv "$settings.new" "$settings" && sync
}

case $1 in
start | restart) by_profile && service "$1" ;;
stop | reload | status) service "$1" ;;
*)
	echo "usage: $0 start|stop|restart|reload|status" >&2
	exit 2
	;;
esac
