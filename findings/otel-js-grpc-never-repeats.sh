#!/usr/bin/env bash
# Finding: OpenTelemetry's JavaScript exporters over gRPC drop a batch that was answered with UNAVAILABLE.
#
# Seen with @opentelemetry/exporter-trace-otlp-grpc and -http 0.223.1 on Node 20. Over HTTP a batch that was answered with 503 is sent
# again. Over gRPC the status that stands for the same, with or without RetryInfo, is the end of the batch: the transport gives every
# error back as a failure that is not to be repeated, and nothing else repeats it. The specification of OTLP has UNAVAILABLE on
# the list of what a client should repeat, and the exporters over gRPC for Python and Go do.
#
# Where it matters: agents and servers on Node that send over gRPC lose spans whenever the receiver restarts. Fails when that
# changes. Needs bash, node 20 and npm; about 40 MB.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --save-exact --ignore-scripts --no-audit --no-fund --loglevel=error \
  @opentelemetry/api@1.9.1 @opentelemetry/sdk-trace-node@2.12.1 @grpc/grpc-js@1 \
  @opentelemetry/exporter-trace-otlp-grpc@0.223.1 @opentelemetry/exporter-trace-otlp-http@0.223.1 </dev/null >/dev/null
cat >main.mjs <<'JS'
import http from 'node:http'
import grpc from '@grpc/grpc-js'
import { OTLPTraceExporter as OverGRPC } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as OverHTTP } from '@opentelemetry/exporter-trace-otlp-http'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

async function send(exporter) {
  const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] })
  provider.getTracer('t').startSpan('s').end()
  await provider.shutdown().catch(() => {})
}

let requests = 0
const web = http.createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(++requests > 1 ? 200 : 503).end())
})
await new Promise(done => web.listen(0, '127.0.0.1', done))
await send(new OverHTTP({ url: `http://127.0.0.1:${web.address().port}/v1/traces` }))
console.log(`http: ${requests} requests`)
web.close()

requests = 0
const bytes = value => value
const method = {
  path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export', requestStream: false, responseStream: false,
  requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes,
}
const server = new grpc.Server()
server.addService({ export: method }, {
  export: (call, answer) => ++requests > 1 ? answer(null, Buffer.alloc(0)) : answer({ code: grpc.status.UNAVAILABLE, details: 'not now' }),
})
const port = await new Promise((done, fail) =>
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (err, port) => err ? fail(err) : done(port)))
await send(new OverGRPC({ url: `http://127.0.0.1:${port}` }))
console.log(`grpc: ${requests} requests`)
server.forceShutdown()
JS
got=$(node main.mjs 2>/dev/null)
echo "$got"
[ "$got" = "http: 2 requests
grpc: 1 requests" ]
