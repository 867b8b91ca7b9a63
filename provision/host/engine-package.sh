# Says which package the engine of this host is: `KEY=VALUE` lines manager, package, installed, candidate.
# $6 `refresh`: fetch the package lists first. Another package manager at work is waited for (ten minutes at most).
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
refresh=$6

say() {
  printf '%s=%s\n' "$1" "$2"
}

# patiently COMMAND...: again while somebody else holds the lock
patiently() {
  tries=0
  until said=$("$@" 2>&1); do
    case $said in
      *"Could not get lock"* | *"is locked"* | *"unable to lock"* | *"Unable to lock"* | *"System management is locked"*) ;;
      *) printf '%s\n' "$said" >&2; return 1 ;;
    esac
    tries=$((tries + 1))
    if [ $tries -gt 120 ]; then printf '%s\n' "$said" >&2; return 1; fi
    sleep 5
  done
}

update() {
  [ "$refresh" = refresh ] || return 0
  patiently "$@" || exit 1
}

path=$(command -v dockerd) || { echo 'there is no dockerd in PATH' >&2; exit 1; }
path=$(readlink -f "$path")

debian() {
  owner=$(dpkg-query -S "$path" 2>/dev/null) || return 0
  package=${owner%%:*}
  update apt-get -qq update
  installed=$(dpkg-query -W -f '${Version}' "$package")
  candidate=$(apt-cache policy "$package" | sed -n 's/^ *Candidate: //p')
}

rpm_owner() {
  package=$(rpm -qf --qf '%{NAME}\n' "$path" 2>/dev/null | head -n 1) || package=
  [ -n "$package" ] && installed=$(rpm -q --qf '%{VERSION}-%{RELEASE}\n' "$package" | head -n 1)
}

# check-update ends with 100 when there is something, and prints `name.arch version repository`
red_hat() {
  rpm_owner || return 0
  update "$manager" -q makecache
  candidate=$("$manager" -q check-update "$package" 2>/dev/null |
    awk -v name="$package" 'index($1, name ".") == 1 { sub(/^[0-9]+:/, "", $2); print $2; exit }')
}

suse() {
  rpm_owner || return 0
  update zypper -n refresh
  candidate=$(zypper --no-refresh -n info "$package" | sed -n 's/^Version *: *//p')
}

arch() {
  package=$(pacman -Qoq "$path" 2>/dev/null) || return 0
  update pacman -Sy --noconfirm
  installed=$(pacman -Q "$package" | cut -d' ' -f2)
  candidate=$(pacman -Si "$package" | sed -n 's/^Version *: *//p' | head -n 1)
}

alpine() {
  owner=$(apk info -W "$path" 2>/dev/null) || return 0
  owner=${owner##* }
  package=$(printf '%s\n' "$owner" | sed 's/-[0-9][^-]*-r[0-9]*$//')
  installed=${owner#"$package"-}
  update apk update
  candidate=$(apk version "$package" | sed -n 's/^.* < *//p')
}

# ask MANAGER: by its own function
ask() {
  case $1 in
    apt-get) debian ;;
    dnf | yum) red_hat ;;
    zypper) suse ;;
    pacman) arch ;;
    apk) alpine ;;
  esac
}

package='' installed='' candidate=''
for manager in apt-get dnf yum zypper pacman apk; do
  command -v "$manager" >/dev/null 2>&1 || continue
  ask "$manager"
  [ -z "$package" ] || break
done
say manager "$manager"
say package "$package"
say installed "$installed"
say candidate "${candidate:-$installed}"
