#!/usr/bin/env bash
# Runs the repository's own hook of this name, if there is one, then asks the server.
name=${0##*/} input=
case $name in
update) input="$2 $3 $1" ;;
*) input=$(cat) ;;
esac
own=$GIT_DIR/hooks/$name
if [ -x "$own" ]; then
  printf '%s\n' "$input" | "$own" "$@" || exit 1
fi
[ -n "${GITSERVE_HOOKS:-}" ] && [ "$name" != pre-receive ] || exit 0
exec 3<>"/dev/tcp/$GITSERVE_HOOKS" || exit 1
printf '%s\n' "$GITSERVE_PUSH" "$name" "$input" . >&3
answer=$(cat <&3)
[ "$answer" = ok ] && exit 0
printf '%s\n' "$answer" >&2
exit 1
