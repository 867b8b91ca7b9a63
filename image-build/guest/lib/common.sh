# Read by the other scripts: names of places, and how a step is told.
# The places can be moved, for tests.
SYS=${TSMACHINE_SYS:-/sys}
DEV=${TSMACHINE_DEV:-/dev}
PROC=${TSMACHINE_PROC:-/proc}
RUN=${TSMACHINE_RUN:-/run/tsmachine}
DATA=${TSMACHINE_DATA:-/var/lib/tsmachine}
LOG=${TSMACHINE_LOG:-/var/log}
LIB=${TSMACHINE_LIB:-/usr/lib/tsmachine}
CONSOLE=${TSMACHINE_CONSOLE:-/dev/console}

# One line on the console (evidence when a start fails) and in the boot log.
say() {
	read -r uptime _ <"$PROC/uptime"
	echo "[$uptime] tsmachine-init: $*" >>"$LOG/boot.log"
	echo "tsmachine-init: $*" >"$CONSOLE"
}

# Value of NAME= on the kernel command line, nothing if it is not there.
word_of_cmdline() {
	for word in $(cat "$PROC/cmdline"); do
		case $word in "$1="*) echo "${word#*=}"; return ;; esac
	done
}

# What blkid knows of all volumes; asked once, as it reads every disk.
read_volumes() { blkid -c /dev/null >"$RUN/volumes" 2>/dev/null; }

# First volume of a label, and the type of a volume.
volume_labelled() { sed -n "s|^\([^:]*\):.* LABEL=\"$1\".*|\1|p" "$RUN/volumes" | head -n 1; }
type_of() { sed -n "s|^$1:.* TYPE=\"\([^\"]*\)\".*|\1|p" "$RUN/volumes"; }

# Waits until a command succeeds: wait_until SECONDS COMMAND...
wait_until() {
	tries=$(($1 * 20))
	shift
	until "$@"; do
		[ $tries -gt 0 ] || return 1
		tries=$((tries - 1))
		sleep 0.05
	done
}
