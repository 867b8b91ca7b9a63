#!/bin/sh
# dockerd with the flags of the profile that docker-machine has written, as the start script of boot2docker adds them.
# Where daemon.json has the addresses, tsmachine has provisioned this machine, and says all there.
real=/run/boot2docker/bin/dockerd
data=/var/lib/boot2docker

is_service() { case $1 in --containerd=*) ;; *) return 1 ;; esac; }

if ! is_service "$@" || [ ! -s "$data/profile" ] || grep -qs '"hosts"' /etc/docker/daemon.json; then
	exec "$real" "$@"
fi

CACERT=$data/ca.pem SERVERCERT=$data/server.pem SERVERKEY=$data/server-key.pem DOCKER_HOST='' DOCKER_STORAGE='' EXTRA_ARGS=''
. "$data/profile"
# The profile has the port by which others reach us, which may be a forwarded one: that leads here.
case "$DOCKER_HOST " in *:2376\ *) ;; *) DOCKER_HOST="-H tcp://0.0.0.0:2376 $DOCKER_HOST" ;; esac
case $DOCKER_STORAGE in '' | auto) ;; *) set -- "$@" --storage-driver "$DOCKER_STORAGE" ;; esac
# Whatever the profile says of TLS, nobody without a certificate of the CA gets in.
set -- "$@" -H unix:///var/run/docker.sock --tlsverify --tlscacert "$CACERT" --tlscert "$SERVERCERT" --tlskey "$SERVERKEY"
# Words of the profile are split, and are no patterns.
set -f
# shellcheck disable=SC2086
exec "$real" "$@" $DOCKER_HOST $EXTRA_ARGS
