// Package proxy is the test proxy: one in-process HTTP reverse proxy between
// the product and the AWS emulator (moto).
//
// What comes in: AWS API requests of any protocol (JSON 1.0/1.1, query, EC2
// query, rest-json, rest-xml, rpc-v2-cbor), routed by nothing but the SigV4
// credential scope, exactly as the emulator does it.
//
// What goes out: the emulator's answer, a scripted fake's answer, or an
// injected fault, and one [Record] for every request.
//
// The proxy
//   - serialises requests with one lock, which makes the emulator's conditional
//     writes atomic;
//   - records service, operation, resource, attempt, body and outcome;
//   - writes requests and answers in full for other judges ([Transcript]);
//   - injects faults ([Fault]) on the k-th matching call: lost requests, lost
//     answers, delays, resets and error answers in the protocol's own shape;
//   - answers operations from registered fakes ([Proxy.Handle]);
//   - turns "not implemented" answers of the emulator into one clear,
//     non-retryable error;
//   - hides TLS-only bucket policies from the emulator, which would read them
//     as "deny everything".
//
// What it must not do: change a request that it forwards (headers, host and
// body stay as signed), retry anything by itself, or know the product.
package proxy
