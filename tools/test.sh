#!/bin/sh
# npm test [-- SUITE | FILE...] [--no-root]: every suite with the sizes of CI. npm run campaign [-- SUITE]: the full counts.
set -eu
cd "$(dirname "$0")/.."
# The last line is always the count: also of a run that ends before there is anything to count.
trap 'echo "0 passed, 1 failed"' EXIT
sh tools/setup.sh run build test
node tools/prepare.mjs packages build
exec node --import ./tools/last-line.mjs --import tsx tools/run-suites.ts "$@"
