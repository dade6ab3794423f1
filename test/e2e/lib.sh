# What the parts share; they source it. Not a program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
export LEAKGATE_COMPONENTS=${LEAKGATE_COMPONENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/leakgate/components}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What the user's git is set to must not change a result. A checkout may belong to
# another user than the one who tests.
export GIT_CONFIG_GLOBAL=$work/gitconfig GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
printf '[safe]\n\tdirectory = *\n[user]\n\tname = Ada\n\temail = ada@example.com\n' >"$GIT_CONFIG_GLOBAL"

# skip WHAT IS MISSING AND HOW TO GET IT: ends the part without a verdict.
skip() { echo "$*"; exit 77; }

# fail WHY: ends the part.
fail() { echo "$*"; exit 1; }

in_ci() { [ "${CI:-}" = true ]; }

# components NAME...: has them built, which takes minutes each the first time.
components() {
  if in_ci || [ "${LEAKGATE_INSTALL:-}" = 1 ]; then
    test/components/get "$@"
  else
    test/components/get --have "$@" >"$work/components" 2>&1 || skip "$(cat "$work/components")"
  fi
}

# expect RC COMMAND...: the command must exit so. Its output is in $out and $err.
expect() {
  local want=$1 got=0
  shift
  out=$work/out err=$work/err
  "$@" >"$out" 2>"$err" || got=$?
  [ "$got" -eq "$want" ] || { cat "$out" "$err"; fail "$* exits $got, not $want"; }
}

# says FILE TEXT: the file holds this text.
says() { grep -qF -- "$2" "$1" || { cat "$1"; fail "nothing says: $2"; }; }

# token prints a made-up GitHub token with a right checksum, new at every call, so
# that no file of ours holds one: 30 characters and their CRC-32 (which gzip's
# trailer holds) in base62. The form:
# https://github.blog/engineering/behind-githubs-new-authentication-token-formats/
token() {
  local digits=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz body='' sum='' crc i
  for i in {1..30}; do body+=${digits:RANDOM % 62:1}; done
  crc=$(printf %s "$body" | gzip -c | tail -c 8 | head -c 4 | od -An -tu4)
  for i in {1..6}; do sum=${digits:crc % 62:1}$sum crc=$((crc / 62)); done
  printf '%s_%s%s\n' ghp "$body" "$sum"
}

# clean_repo DIR and leaky_repo DIR make a repository of a few commits. The leak
# is in the history only: one commit brings it, the next takes it away.
clean_repo() {
  git init -q -b main "$1"
  printf 'package main\n' >"$1/main.go"
  git -C "$1" add . && git -C "$1" commit -qm 'begin'
}
leaky_repo() {
  clean_repo "$1"
  printf 'token = "%s"\n' "$(token)" >"$1/deploy.conf"
  git -C "$1" add . && git -C "$1" commit -qm 'add the deploy'
  git -C "$1" rm -q deploy.conf && git -C "$1" commit -qm 'drop the deploy'
}
