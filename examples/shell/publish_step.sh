#!/bin/sh
# The last step of the demo's pipeline: copies what was packed to where it is published.
#
# conveyor-driver exec --name publish --resource app -- examples/shell/publish_step.sh
set -eu

text() {
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$CONVEYOR_RESOURCE_FILE"
}

to=$(text publish_to)
mkdir -p "$to"
workspace=$(text workspace)
set -- "$workspace"/*.tar.gz
# Where nothing was packed, what was built.
[ -e "$1" ] || set -- "$workspace"/source/dist/*
cp -v "$@" "$to"
printf '{"message": "published %s"}\n' "$(ls "$to" | head -n 1)" >"$CONVEYOR_RESULT_FILE"
