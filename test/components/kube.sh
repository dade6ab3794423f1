# The recipes of Kubernetes share this. Not a program.
version=${LEAKGATE_KUBE:-v1.37.2}

# kube_build NAME: k8s.io/kubernetes lists its staging modules as v0.0.0, which only
# its own workspace resolves; they are published as v0.MINOR.PATCH. Without the
# -X the server calls itself v0.0.0-master.
kube_build() {
  local staging=v0.${version#v1.} minor=${version#v1.} stamp=k8s.io/component-base/version module
  minor=${minor%%.*}
  source_of k8s.io/kubernetes
  for module in $(awk '$NF == "v0.0.0" || $2 == "v0.0.0" {print $1}' go.mod | sort -u); do
    go mod edit -replace "$module=$module@$staging"
  done
  go_build "$1" "./cmd/$1" "-X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor"
}
