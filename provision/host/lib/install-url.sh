# Runs the install script of --engine-install-url, when the user asked for it. $1: URL.
url=$1
script=$(mktemp) || exit 1
trap 'rm -f "$script"' EXIT
if command -v curl >/dev/null 2>&1; then curl -fsSL -o "$script" -- "$url"
elif command -v wget >/dev/null 2>&1; then wget -qO "$script" -- "$url"
else echo "neither curl nor wget is installed on the host, so $url cannot be fetched"; exit 1
fi || exit 1
sh "$script"
