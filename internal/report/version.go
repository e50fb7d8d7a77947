package report

import "fmt"

// Version is the number N of a deployment of a stack in an environment. People, flags and JSON write it "vN"; 0 means
// none.
type Version int

func (v Version) String() string { return fmt.Sprintf("v%d", int(v)) }

// MarshalText makes JSON say "vN".
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }
