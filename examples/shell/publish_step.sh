#!/bin/sh
# The last step of the demo's pipeline: copies the archives of the workspace to where they are published.
#
# conveyor-driver exec --name publish --resource app -- examples/shell/publish_step.sh
set -eu

text() {
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$CONVEYOR_RESOURCE_FILE"
}

to=$(text publish_to)
mkdir -p "$to"
cp -v "$(text workspace)"/*.tar.gz "$to"
printf '{"message": "published %s"}\n' "$(ls "$to" | head -n 1)" >"$CONVEYOR_RESULT_FILE"
