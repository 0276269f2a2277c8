#!/usr/bin/env bash
# The second step of action.yml: one command of mcpkg, from the inputs.
set -euo pipefail
mcpkg="$1"

fail() {
    echo "::error::$1"
    exit 2
}

if [ "$MCPKG_COMMAND" = pack ]; then
    args=(pack "${MCPKG_FOLDER:-.}")
    if [ -n "$MCPKG_PLATFORM" ]; then args+=(--platform "$MCPKG_PLATFORM"); fi
    exec "$mcpkg" "${args[@]}"
fi

[ -n "$MCPKG_REGISTRY" ] || fail "\`$MCPKG_COMMAND\` needs the input \`registry\`"
# A configuration of this run alone.
HOME="$(mktemp -d)"
export HOME
trust=(registry add target "$MCPKG_REGISTRY")
if [ -n "$MCPKG_LOG_KEY" ]; then trust+=(--log-key "$MCPKG_LOG_KEY"); fi
"$mcpkg" "${trust[@]}"

case "$MCPKG_COMMAND" in
publish)
    exec "$mcpkg" publish "${MCPKG_FOLDER:-dist}"
    ;;
yank | deprecate | restore)
    read -r -a releases <<<"$MCPKG_RELEASES"
    [ "${#releases[@]}" -gt 0 ] || fail "\`$MCPKG_COMMAND\` needs the input \`releases\`"
    args=("$MCPKG_COMMAND")
    if [ -n "$MCPKG_REASON" ]; then args+=("--reason=$MCPKG_REASON"); fi
    exec "$mcpkg" "${args[@]}" -- "${releases[@]}"
    ;;
*)
    fail "\`$MCPKG_COMMAND\` is none of: pack, publish, yank, deprecate, restore"
    ;;
esac
