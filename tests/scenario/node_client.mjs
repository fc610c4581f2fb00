// SPDX-License-Identifier: Apache-2.0
// Node's gRPC as an independent client: node node_client.mjs MODULES TREE INCLUDE ADDRESS < calls.json
// Reads [{service, method, request}], makes the calls in turn and prints one JSON array of
// {code, response} or {code, message, reason}; the reason is read from grpc-status-details-bin.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [modules, tree, include, address] = process.argv.slice(2);
const require = createRequire(modules + "/");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const dirs = [`${tree}/proto`, `${tree}/subprojects/rpc/proto`, include];
const files = ["member", "scoring", "benefit", "vip"].map((name) => `memberd/v1/${name}_service.proto`);
const api = grpc.loadPackageDefinition(
  loader.loadSync(files.concat("google/rpc/error_details.proto"), { includeDirs: dirs, longs: String, enums: String, keepCase: true }),
).memberd.v1;

function reason(error) {
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  // The reason is the first string of the only ErrorInfo; enough for a test to compare.
  const found = bytes && /type\.googleapis\.com\/google\.rpc\.ErrorInfo[^A-Z]*([A-Z0-9_]{3,})/.exec(bytes.toString("latin1"));
  return found ? found[1] : "";
}

function call({ service, method, request }) {
  const client = new api[service](address, grpc.credentials.createInsecure());
  return new Promise((resolve) => {
    client[method](request, { deadline: Date.now() + 20000 }, (error, response) => {
      client.close();
      resolve(error ? { code: error.code, message: error.details, reason: reason(error) } : { code: 0, response });
    });
  });
}

const answers = [];
for (const one of JSON.parse(readFileSync(0, "utf8"))) {
  answers.push(await call(one));
}
console.log(JSON.stringify(answers));
