// Package crash kills runs of the road at every call that they make, and lets every call fail in every way, with all
// resource types, in one process: no binary is started, so that hundreds of cases are affordable.
//
// In: the example stack in four versions of its life, the emulator behind the test proxy. Out: passed or not, and a
// table. A run is the real road with a transport, a clock, a host and ids of the test's; its death is that none of its
// calls gets an answer any more. It must not look inside the product: exit, plan, state, locks and what AWS holds are
// all that it checks. The real binary is killed in package e2e.
package crash
