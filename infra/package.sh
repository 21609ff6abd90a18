#!/bin/sh
# Lays out what azd deploys, unless it is newer than all that it is made from.
set -eu
cd "$(dirname "$0")/.."

made=dist/package/workflow/package.json
if [ -f "$made" ] && [ -z "$(find src host.json package.json package-lock.json build.mjs package.mjs -newer "$made")" ]; then
  echo 'The package is newer than its sources.'
  exit 0
fi
npm ci
npm run package
