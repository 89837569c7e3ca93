#!/bin/bash
# kubernetes.sh: a real kube-apiserver and kube-scheduler, built from Debian's source package, and Debian's etcd.
# Debian ships the source of the servers but not the servers. They are built once (about 11 CPU-minutes) into
# ${HAL_SERVER_CACHE:-~/.cache/hal-core}/kubernetes-<version of the package>/, and the source is removed again.
set -euo pipefail
cache=${HAL_SERVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hal-core}
here=$(dirname "$0")

packages=()
command -v etcd >/dev/null || packages+=(etcd-server)
command -v dpkg-source >/dev/null || packages+=(dpkg-dev)
[ -x /usr/lib/go-1.19/bin/go ] || packages+=(golang-1.19-go)
[ ${#packages[@]} -eq 0 ] || bash "$here/../apt_install.sh" "${packages[@]}"

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
# The machine's own Debian mirrors, asked for sources, in lists of their own: the machine's stay as they are.
apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)|$(ORIGIN)' 'Created-By: Packages' \
    | sed -n 's/|Debian$//p' | sort -u > "$temp/sources.list"
mkdir -p "$temp/lists/partial"
apt=(-o "Dir::Etc::sourcelist=$temp/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$temp/lists"
     -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User=root -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
candidate() { apt-cache policy kubernetes-client | sed -n 's/^ *Candidate: //p'; }
version=$(candidate)
[ -n "$version" ] || { apt-get update -qq; version=$(candidate); }  # an image without lists
target="$cache/kubernetes-${version//[^A-Za-z0-9.]/_}"
[ -x "$target/kube-apiserver" ] && [ -x "$target/kube-scheduler" ] && exit 0

apt-get "${apt[@]}" update -qq
(cd "$temp" && apt-get "${apt[@]}" source -qq --only-source "kubernetes=$version")
export GOPATH="$temp/go" GOCACHE="$temp/gocache" GO111MODULE=off GOFLAGS='' PATH="/usr/lib/go-1.19/bin:$PATH"
mkdir -p "$GOPATH/src/k8s.io"
mv "$temp"/kubernetes-*/ "$GOPATH/src/k8s.io/kubernetes"
cd "$GOPATH/src/k8s.io/kubernetes"

# The released archives carry this generated file; Debian's source does not.
go build -o "$temp/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
inputs=$(grep -rl --include='*.go' '+k8s:openapi-gen=' staging/src/k8s.io pkg vendor/k8s.io/kube-openapi \
    | grep -v _test.go | xargs -n1 dirname | sort -u \
    | sed -e 's,^staging/src/,k8s.io/kubernetes/vendor/,' -e 's,^\(pkg\|vendor\)/,k8s.io/kubernetes/\1/,' | paste -sd,)
"$temp/openapi-gen" -O zz_generated.openapi --go-header-file /dev/null --output-base "$temp/generated" \
    -p k8s.io/kubernetes/pkg/generated/openapi -r "$temp/violations" -i "$inputs"
cp "$temp/generated/k8s.io/kubernetes/pkg/generated/openapi/zz_generated.openapi.go" pkg/generated/openapi/

mkdir -p "$cache"
out=$(mktemp -d "$cache/.kubernetes.XXXXXX")
trap 'rm -rf "$temp" "$out"' EXIT
number=${version%%+*}
ldflags="-s -w"
for field in gitVersion=v"$number" gitMajor=1 gitMinor=20 gitTreeState=archive; do
    ldflags+=" -X k8s.io/kubernetes/vendor/k8s.io/component-base/version.$field"
    ldflags+=" -X k8s.io/kubernetes/vendor/k8s.io/client-go/pkg/version.$field"  # as the released ones set both
done
go build -p 2 -ldflags "$ldflags" -o "$out/" ./cmd/kube-apiserver ./cmd/kube-scheduler
# Whole or not at all: tests find a folder of this name only when both servers are in it.
chmod 755 "$out"
rm -rf "$target"
mv "$out" "$target"
ls -l "$target"
