#!/bin/sh
# sethostname NAME, as boot2docker has it.
hostname "$1" || exit
echo "$1" >/etc/hostname
grep -q "[[:space:]]$1\$" /etc/hosts || printf '127.0.1.1\t%s\n' "$1" >>/etc/hosts
