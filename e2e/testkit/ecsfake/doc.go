// Package ecsfake is a scripted fake of the ECS service and task calls in front of the emulator, which has no rollouts.
//
// What comes in: calls of the test proxy for services, tasks and service deployments, and rules that map container
// images to behaviours. The emulator has the clusters, task definitions and log events.
//
// What goes out: the answers that ECS would give, failing tasks with stopped reasons and exit codes, circuit breaker
// rollbacks, events, and log lines in the log groups of the task definitions. A deployment advances by one step with
// every DescribeServices call of its service, without a clock. Target groups of a faked service report the health of
// its tasks.
//
// A healthy rollout takes three describes: tasks pending, tasks running with their targets initial, completed. A
// failing one starts a batch of tasks. By the next describe the batch has failed, and the next batch starts.
//
// What it must not do: accept anything that ECS would refuse, or store state that the emulator stores.
package ecsfake
