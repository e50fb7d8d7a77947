// Package ecsfake is a scripted fake of the ECS service and task calls in
// front of the emulator, which knows no rollouts.
//
// What comes in: calls of the test proxy for services, tasks and service
// deployments, and rules that map container images to behaviours. Clusters,
// task definitions and log events are the emulator's.
//
// What goes out: the answers ECS would give, deployments that progress by one
// step with every DescribeServices call of their service (no clock decides),
// failing tasks with stopped reasons and exit codes, circuit breaker
// rollbacks, events, and log lines in the log groups of the task definitions.
// Target groups attached to a faked service report the health of its tasks.
//
// A healthy rollout takes three describes: tasks pending, tasks running with
// their targets initial, completed. A failing one starts a batch of tasks,
// which has failed by the next describe, when the next batch starts.
//
// What it must not do: anything that ECS would refuse, or keep a state of its
// own where the emulator has one.
package ecsfake
