# Lets a TCP port in through firewalld, now and after a reboot, in the zone that we reach the host by. $1: port, $2: the
# host's address.
interface=$(ip -o addr show 2>/dev/null | awk -v address="$2" '{ split($4, part, "/"); if (part[1] == address) { print $2; exit } }')
zone=
[ -z "$interface" ] || zone=$(firewall-cmd --get-zone-of-interface="$interface" 2>/dev/null)
[ -n "$zone" ] || zone=$(firewall-cmd --get-default-zone) || exit 1
firewall-cmd --zone="$zone" --add-port="$1/tcp" && firewall-cmd --permanent --zone="$zone" --add-port="$1/tcp"
