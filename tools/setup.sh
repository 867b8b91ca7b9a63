#!/bin/sh
# Installs the Debian packages of tools/packages.tsv whose programs are missing: `sh tools/setup.sh run build test`.
# As root through apt; otherwise it prints the one command that does it and ends with status 1.
set -eu
here=$(dirname "$0")
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
tab=$(printf '\t')

present() {
  case $1 in
    /*) test -e "$1" ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

missing=
while IFS=$tab read -r program package purpose; do
  case $program in '' | '#'*) continue ;; esac
  case " $* " in *" $purpose "*) ;; *) continue ;; esac
  present "$program" || missing="$missing $package"
done <"$here/packages.tsv"
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
missing=${missing% }

# What apt has of its archives may have been removed (images of containers do that), and the image is built from there.
lists=
case " $* " in
  *' build '*) ! command -v apt-get >/dev/null 2>&1 || [ -n "$(apt-get indextargets)" ] || lists=missing ;;
esac
[ -n "$missing$lists" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "Missing on this computer (names of Debian packages): $missing" >&2
  echo "Install them with your system's package manager, then run this again." >&2
  exit 1
fi
install="apt-get install -y --no-install-recommends $missing"
if [ "$(id -u)" -ne 0 ]; then
  echo "Programs or apt's package lists are missing. Run this command as it is, then run this again:" >&2
  echo "  sudo apt-get update${missing:+ && sudo $install}" >&2
  exit 1
fi
[ -z "$lists" ] || apt-get update -q
[ -n "$missing" ] || exit 0
echo "Installing: $missing"
export DEBIAN_FRONTEND=noninteractive
# Daemons among these packages (docker-registry, sshd) are for tests, which start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
$install >/dev/null || { apt-get update -q && $install; }
