#!/bin/sh
# The first step of the demo's pipeline: clones the repository of the resource into its workspace.
#
# conveyor-driver exec --name fetch --resource app -- examples/shell/fetch_step.sh
set -eu

# A text of the resource. It has no text with quotes in it; where there may be some, use jq.
text() {
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$CONVEYOR_RESOURCE_FILE"
}

repository=$(text repository)
source=$(text workspace)/source
echo "cloning $repository"
rm -rf "$source"
# Exit code 75 asks for another attempt: a repository elsewhere may be out of reach for a while.
git clone --quiet -- "$repository" "$source" || exit 75
commit=$(git -C "$source" rev-parse --short HEAD)
git -C "$source" log -1 --format='at %h: %s'
printf '{"message": "fetched %s", "data": {"commit": "%s"}}\n' "$commit" "$commit" >"$CONVEYOR_RESULT_FILE"
