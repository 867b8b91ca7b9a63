#!/bin/sh
# npm run quickstart: from a bare computer to a container on a machine that we built. Run it again as often as you like:
# what is there is used again.
set -eu
cd "$(dirname "$0")/.."
name=${1:-dev}
step() { printf '\n== %s\n' "$*"; }
tsmachine() { node "$PWD/bin/run.cjs" "$@"; }

step 'Programs and packages'
sh tools/setup.sh run build
node tools/prepare.mjs packages build
if ! command -v docker >/dev/null 2>&1; then
  echo "There is no docker client here: using Debian's, from the cache, for this run."
  PATH=$(node --import tsx tools/debian-tool.ts docker):$PATH
  export PATH
fi

step 'Boot image and engine (built once)'
node tools/prepare.mjs images

step "Machine \"$name\""
if state=$(tsmachine status "$name" 2>/dev/null); then
  case $state in
    Running) echo "$name is running." ;;
    Stopped) tsmachine start "$name" ;;
    *) tsmachine create --resume "$name" ;;
  esac
else
  tsmachine create "$name"
fi

step 'A container on it'
eval "$(tsmachine env --shell sh "$name")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin"
cp "$(node --import tsx tools/debian-tool.ts busybox)/busybox" "$folder/bin/busybox"
tar -C "$folder" -cf "$folder.tar" bin && mv "$folder.tar" "$folder/image.tar"
docker import "$folder/image.tar" tsmachine/hello >/dev/null
docker run --rm tsmachine/hello /bin/busybox sh -c \
  'echo "Hello from a container: $(/bin/busybox uname -sr), $(/bin/busybox hostname)."'

cat <<TXT

"$name" is running. What to do next (from this folder; "npm link" makes tsmachine a command everywhere):
  eval "\$(bin/run.cjs env $name)"                 point docker at it in this shell
  docker run --rm tsmachine/hello /bin/busybox date
  bin/run.cjs ls                                  your machines
  bin/run.cjs ssh $name                            a shell on it
  bin/run.cjs stop $name; bin/run.cjs start $name    everything on it is kept
  bin/run.cjs rm $name                             remove it and its disk
TXT
