# What the recipes share; get sources it. A recipe sets version and defines build,
# which puts files into $out. Not a program.

# make_component NAME FOLDER: the folder appears whole or not at all.
make_component() {
  local start=$SECONDS
  work=$(mktemp -d "$components/$1/building.XXXXXX")
  trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
  out=$work/out
  mkdir "$out"
  (cd "$work" && build)
  mv -T "$out" "$2"
  echo "built $1 $version in $((SECONDS - start)) s"
}

# source_of MODULE [VERSION]: makes a copy of the module as its authors see it the
# working folder. As the main module, its own replacements and sums hold, which a
# dependant does not inherit; those by neighbouring folders, which no published
# module has, give way to the published versions.
source_of() {
  local dir
  dir=$(cd / && go mod download -json "$1@${2:-$version}" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
  rm -rf "$work/source"
  cp -r --no-preserve=mode "$dir" "$work/source"
  cd "$work/source"
  sed -i -E '/=> \.\.?\//d' go.mod
  rm -f go.work # which names such folders too
}

# go_build NAME PACKAGE [LDFLAGS]: a binary of that name, from the folder at hand.
go_build() {
  CGO_ENABLED=0 GOFLAGS='-mod=mod -buildvcs=false' nice -n 10 \
    go build -trimpath -ldflags "-s -w ${3:-}" -o "$out/$1" "$2"
}
