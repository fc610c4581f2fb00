#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build_peer.sh BUILD: makes BUILD/tests/bench/peer from peer.cc, C++ that no build of memberd knows of.
# BUILD has the static libraries already. Does nothing when it is newer than what it is made from.
set -eu
build=$(cd "$1" && pwd)
cd "$(dirname "$0")"
made=$build/tests/bench/peer
out=$build/tests/bench/peer_proto
libs="$build/tests/bench/libpeer_members.a $build/src/cache/libcache.a $build/src/policy/libpolicy.a $build/src/domain/libdomain.a
  $build/subprojects/base/libbase.a"
protos="memberd/v1/common memberd/v1/benefit_service rpc/v1/options google/rpc/status"

[ ! -e "$made" ] || [ -n "$(find peer.cc peer_members.h build_peer.sh ../../proto $libs -newer "$made")" ] || exit 0
mkdir -p "$out"
files= sources=
for proto in $protos; do
  files="$files $proto.proto"
  sources="$sources $out/$proto.pb.cc"
done
protoc -I ../../proto -I ../../subprojects/rpc/proto -I /usr/include --cpp_out="$out" --grpc_out="$out" \
  --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" $files
g++ -std=c++17 -O3 -DNDEBUG -I "$out" -o "$made" peer.cc $sources "$out/memberd/v1/benefit_service.grpc.pb.cc" $libs \
  $(pkg-config --cflags --libs grpc++ protobuf libfyaml) -lpthread
