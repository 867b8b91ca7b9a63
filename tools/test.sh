#!/bin/sh
# npm test [-- SUITE | FILE...]: every suite with the sizes of CI. npm run campaign [-- SUITE] [--seed N]: the full counts.
set -eu
cd "$(dirname "$0")/.."
sh tools/setup.sh run build test
node tools/prepare.mjs packages build
exec node --import tsx tools/run-suites.ts "$@"
