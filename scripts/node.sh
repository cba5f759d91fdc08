#!/bin/sh
# Builds the Node package of this checkout into bindings-node/dist, and puts what its tests need into
# bindings-node/node_modules. Says which Node that is for. Exits with 77, and says why in one line, where there
# is none.
set -eu
cd "$(dirname "$0")/../bindings-node"

if ! node --eval 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null; then
    echo "skipped: node: no Node 20 or later on PATH"
    exit 77
fi
if ! command -v npm >/dev/null; then
    echo "skipped: node: there is a Node but no npm on PATH"
    exit 77
fi

# As package-lock.json has it; nothing to do when that is so already.
if ! cmp -s package-lock.json node_modules/.installed-lock.json; then
    npm ci --silent --no-audit --no-fund
    cp package-lock.json node_modules/.installed-lock.json
fi
node scripts/build.mjs --debug

# The examples are a package of their own, as a user's would be.
mkdir -p ../examples/node/node_modules
ln -sfn ../../../bindings-node ../examples/node/node_modules/conveyor-driver
node node_modules/typescript/bin/tsc --project ../examples/node
node --print '`Node ${process.versions.node} (bindings-node) with conveyor-driver ${require("conveyor-driver/package.json").version}`'
