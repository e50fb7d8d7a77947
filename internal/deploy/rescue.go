package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock/filelock"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// rescue writes the state that could not be saved to a file, of any size, and says so.
func rescue(b *backend.Backend, held *session.Session, p *state.Payload, intents []state.Intent) *diag.Diagnostic {
	d := diag.New(diag.Failed, "State was not saved", "", "")
	e, err := held.Next(p, intents)
	var raw []byte
	var large *state.TooLargeError
	if err == nil {
		raw, err = e.Encode()
	}
	if errors.As(err, &large) {
		raw, err = e.EncodeAny()
	}
	path := ""
	if err == nil {
		path, err = rescueFile(b, fmt.Sprintf("%s-%s-%d", p.Stack, p.Environment, e.Serial), raw)
	}
	switch {
	case err != nil:
		d.Detail = "The new state could not be saved, and not be written to a local file either: " + err.Error() + "."
		d.Next = "Run the command again: it finds the objects of this run by name and tags."
	case large != nil:
		d.Detail = "The new state is larger than the limit. It is in " + path + "."
		d.Next = "Keep the file: it lists all objects. Then remove components from the stack (move them to a " +
			"stack of their own) and run the command again: it finds the objects of this run by name and tags."
	default:
		d.Detail = "The new state could not be saved in the backend. It is in " + path + "."
		d.Next = "When the backend works again, save it:\n" +
			b.CommandLine(state.Key{Stack: p.Stack, Environment: p.Environment}, "state push", path)
	}
	return d
}

// rescueFile writes a new file, whole or not at all, and returns its path. It never replaces a file: one for another
// bucket may have the same name, and may not have been pushed yet.
func rescueFile(b *backend.Backend, name string, raw []byte) (string, error) {
	folder, next := filepath.Join(b.World.Home, ".deployer", "rescue"), name
	for n := 2; ; n++ {
		path := filepath.Join(folder, next+".json")
		if err := filelock.Create(path, raw); !errors.Is(err, fs.ErrExist) {
			return path, err
		}
		next = fmt.Sprintf("%s-%d", name, n)
	}
}
