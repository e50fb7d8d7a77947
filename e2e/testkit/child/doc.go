// Package child installs and runs the servers that tests need, as processes that end with the tests.
//
// What comes in: a command, and a check that its server answers. What goes out: a running process with the end of its
// log, and a cache in which programs are installed once.
//
// What it must not do: know which server it is.
package child
