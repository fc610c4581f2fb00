// SPDX-License-Identifier: Apache-2.0
// Node's gRPC as an independent client: node node_client.mjs MODULES TREE INCLUDE ADDRESS < calls.json
// Reads [{service, method, request, token}], makes the calls in turn and prints one JSON array of {code, response} or
// {code, message, details}: those of the google.rpc.Status in grpc-status-details-bin, each with its type.
import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";

const [modules, tree, include, address] = process.argv.slice(2);
const require = createRequire(modules + "/");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const protobuf = require("protobufjs");

const dirs = [`${tree}/proto`, `${tree}/subprojects/rpc/proto`, include];
const files = ["member", "scoring", "benefit", "vip"].map((name) => `memberd/v1/${name}_service.proto`);
const api = grpc.loadPackageDefinition(
  loader.loadSync(files, { includeDirs: dirs, longs: String, enums: String, keepCase: true }),
).memberd.v1;

const errors = new protobuf.Root();
errors.resolvePath = (_, file) => dirs.map((dir) => `${dir}/${file}`).find(existsSync) ?? null;
errors.loadSync(["google/rpc/status.proto", "google/rpc/error_details.proto"]);

function decode(name, bytes) {
  const type = errors.lookupType(name);
  return type.toObject(type.decode(bytes));
}

function details(error) {
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  return (bytes ? decode("google.rpc.Status", bytes).details : []).map(({ type_url, value }) => {
    const type = type_url.replace("type.googleapis.com/", "");
    return { type, ...decode(type, value) };
  });
}

function call({ service, method, request, token }) {
  const client = new api[service](address, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  if (token) {
    metadata.set("authorization", `Bearer ${token}`);
  }
  return new Promise((resolve) => {
    client[method](request, metadata, { deadline: Date.now() + 20000 }, (error, response) => {
      client.close();
      resolve(error ? { code: error.code, message: error.details, details: details(error) } : { code: 0, response });
    });
  });
}

const answers = [];
for (const one of JSON.parse(readFileSync(0, "utf8"))) {
  answers.push(await call(one));
}
console.log(JSON.stringify(answers));
