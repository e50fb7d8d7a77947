// Package repair changes a state in ways that no apply does: push, restore, rm, mv, and force-unlock.
//
// In: a Backend, whose lock it takes, and what the user wants. Out: what was written, and how it compares with the
// state before. It must not change AWS: everything that may be wrong in the new state becomes an intent, and the next
// apply looks into it.
package repair

import (
	"context"
	"errors"
	"fmt"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// Written is the result of Push, Restore and Forget. It has the comparison as far as that could be made, also beside an
// error.
type Written struct {
	Comparison *report.StateComparison
	Serial     int64 // 0: nothing was written
	Version    report.Version
	Warnings   diag.List
}

// Push replaces the state of a key by one from outside: the rescue file of a run that could not save. name is the
// file's, for errors. It must be of this stack, environment, account and lineage. Without force it must not be older
// than the state, and no later deployment may exist.
func Push(
	ctx context.Context, b *backend.Backend, req backend.Request, name string, raw []byte, force bool,
) (*Written, error) {
	file, err := pushed(req.Key, name, raw)
	if err != nil {
		return &Written{}, err
	}
	c, err := openReplacing(ctx, b, req, file)
	if err != nil {
		return &Written{}, err
	}
	written := &Written{Warnings: c.warnings}
	if err := c.misplaced(); err != nil {
		return written, backend.Closing(c.held, err)
	}
	what := "pushed " + backend.VersionOf(file.Stored) + " with --force"
	if c.there(what) {
		return written, backend.Closing(c.held, nil)
	}
	unfit := c.unfit()
	if unfit == nil {
		return written, c.push(ctx, written)
	}
	if written.Comparison, err = c.compare(ctx); err != nil {
		return written, backend.Closing(c.held, err)
	}
	var back *BackInTimeError
	if !force || !errors.As(unfit, &back) {
		return written, backend.Closing(c.held, unfit)
	}
	return written, c.replace(ctx, what, written)
}

// pushed reads a file that claims to be a state of a key.
func pushed(key state.Key, name string, raw []byte) (*backend.Named, error) {
	e, err := state.Decode(raw, name)
	var damaged *state.CorruptError
	switch {
	case errors.As(err, &damaged) && damaged.Raw == nil && len(raw) > 0: // too much was not looked at
		return nil, TooLarge(name, damaged.Reason)
	case damaged != nil:
		return nil, diag.New(diag.Conflict, "State file is incomplete or was edited",
			fmt.Sprintf("%s: %s.", name, damaged.Reason),
			"Nothing was written. Use another copy of the file.")
	case err != nil:
		return nil, err
	}
	s, err := state.Load(key, e)
	var foreign *state.ForeignError
	if errors.As(err, &foreign) {
		return nil, diag.New(diag.Conflict, "Foreign state",
			fmt.Sprintf("%s is the state of %s, not of %s.", name, foreign.Found, key),
			"Nothing was written. Name the stack and environment of the file, or use the file of this stack.")
	}
	return &backend.Named{Name: name, Stored: s}, err
}

// TooLarge is the error for a file that is larger than a state may be: the rescue file of a run that made more than
// fits.
func TooLarge(name, why string) error {
	return diag.New(diag.Invalid, "File is too large for a state",
		fmt.Sprintf("%s: %s. A state cannot be that large.", name, why),
		"Nothing was written. If a run left this file because its state was too large, remove components "+
			"from the stack and run apply again: it finds the objects of that run by name and tags.")
}

// push writes the file as what it is: the end of the run that wrote the state, or of a run without a later deployment.
func (c *replacing) push(ctx context.Context, written *Written) error {
	payload := *c.file.Payload
	c.edit(&payload, "state push")
	intents := c.file.Snapshot.Envelope.Intents
	if c.last != nil && c.last.Snapshot.Envelope.Writer.LockID != c.file.Snapshot.Envelope.Writer.LockID {
		intents = recovery.Merged(intents, c.otherIntents())
	}
	return c.write(ctx, &payload, intents, written)
}

// BackInTimeError says that there was a deployment after a file was written.
type BackInTimeError struct{ why string }

func (e *BackInTimeError) Error() string { return e.why }

// unfit says why the file should not replace the state without force.
func (c *replacing) unfit() error {
	file := c.file.Snapshot.Envelope
	why := c.estranged()
	switch {
	case why != "":
	case c.last == nil && file.Serial < c.held.Lock().LastSerial():
		why = fmt.Sprintf("The last run left serial %d, %s has serial %d.", c.held.Lock().LastSerial(), c.file.Name,
			file.Serial)
	case c.last == nil:
		return nil
	// if the present state is damaged, or was put there by hand, a run may have begun more after the last complete
	// version
	default:
		now := c.last.Snapshot.Envelope
		switch {
		case file.Fence < now.Fence:
			why = fmt.Sprintf("Another run deployed since %s was written (fence %d, now %d).", c.file.Name, file.Fence,
				now.Fence)
		case file.Serial < max(now.Serial, c.held.Lock().LastSerial()):
			why = fmt.Sprintf("%s is older than the state in the backend (serial %d, now %d).", c.file.Name,
				file.Serial, max(now.Serial, c.held.Lock().LastSerial()))
		default:
			return nil
		}
	}
	if c.last != nil {
		why += fmt.Sprintf(" The state in the backend was written by %s at %s.", c.last.Payload.Who,
			c.last.Payload.At.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	d := diag.New(diag.Conflict, "File is older than the state", why,
		"Nothing was written. If you want the older file, --force writes it as a new version. The next apply "+
			"then looks in AWS for the objects that are only in the other state.")
	d.Cause = &BackInTimeError{why}
	return d
}

// misplaced says that the file belongs to another stack, environment or account. Force does not change that.
func (c *replacing) misplaced() error {
	file, p := c.file.Snapshot.Envelope, c.file.Payload
	if err := session.CheckPlace(file, c.where.Account, ""); err != nil {
		return err
	}
	if c.last == nil {
		return nil
	}
	there := c.last.Payload
	if p.Account != there.Account || p.Region != there.Region {
		return diag.New(diag.Conflict, "Foreign state",
			fmt.Sprintf("%s is about account %s, %s; what is deployed is in account %s, %s.", c.file.Name, p.Account,
				p.Region, there.Account, there.Region),
			"Nothing was written. Use the file of this stack and environment.")
	}
	return nil // another lineage is another life of the stack: see estranged
}
