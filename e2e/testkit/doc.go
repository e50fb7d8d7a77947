// Package testkit gives tests an AWS of their own: the emulator behind the
// test proxy with the ECS fake, in an account and region that no other test
// of the process uses.
//
// What comes in: a testing.TB. What goes out: an [Env] with the endpoint, an
// aws.Config, the environment for the real binary, and the proxy to record
// calls and inject faults.
//
// What it must not do: know the product, or reach anything but this machine.
package testkit
