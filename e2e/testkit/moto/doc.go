// Package moto finds, starts and stops the AWS emulator of the tests:
// moto_server of exactly one version ([Version]).
//
// What comes in: where to look and where to install. What goes out: a running
// server on a port of its own, which dies with this process.
//
// What it must not do: use another version than the one that the recorded
// facts about the emulator hold for, or touch the machine's Python packages
// (a missing moto is installed into a virtual environment of the project).
package moto
