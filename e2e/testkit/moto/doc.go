// Package moto finds, starts and stops the AWS emulator of the tests: moto_server of exactly one version ([Version]).
//
// What comes in: where to look and where to install. What goes out: a running server on a port of its own, which ends
// with this process.
//
// What it must not do: use another version, because the recorded facts about the emulator are true for this one only;
// or change the machine's Python packages (a missing moto goes into a virtual environment of the project).
package moto
