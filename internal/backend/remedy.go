package backend

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./~-]+$`)

// CommandLine is a command as people can copy it: for this stack and environment, and with the flags for its backend.
func (b *Backend) CommandLine(key state.Key, command string, args ...string) string {
	words := []string{"deployer", command, "--stack", key.Stack, "-e", key.Environment}
	for _, word := range append(append([]string{}, b.World.Flags...), args...) {
		if !plainWord.MatchString(word) {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// looking is how long the search for a remedy may take.
const looking = 20 * time.Second

// Healing adds to an error about a damaged, foreign or too old state how to restore the newest whole one.
func (b *Backend) Healing(ctx context.Context, key state.Key, err error) error {
	var damaged *state.CorruptError
	var old *session.OldError
	var foreign *state.ForeignError
	var d *diag.Diagnostic
	if !errors.As(err, &damaged) && !errors.As(err, &old) && !errors.As(err, &foreign) || !errors.As(err, &d) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), looking)
	defer cancel()
	lineage := ""
	if damaged != nil {
		lineage = damaged.Lineage()
	}
	told := *d
	told.Next = "Nothing was changed. " + b.remedy(ctx, key, lineage)
	return &told
}

// remedy says how to restore the earlier state; lineage is that of the present one, "" where it is not known.
func (b *Backend) remedy(ctx context.Context, key state.Key, lineage string) string {
	all, unseen, err := b.Past(ctx, key, 20)
	best := Newest(all, lineage)
	switch {
	case best == nil && (err != nil || unseen != nil):
		if err == nil {
			err = unseen
		}
		return "Earlier versions could not be read (" + reason(err) + "). When they can be read, list them:\n" +
			b.CommandLine(key, "state restore")
	case best == nil:
		return "There is no earlier version of it, neither in its history nor in the bucket. If you have a copy, " +
			"write it:\n" +
			b.CommandLine(key, "state push", "FILE")
	}
	what := VersionOf(best.Stored)
	if lineage != "" && best.Stored.Snapshot.Envelope.Lineage != lineage {
		return fmt.Sprintf("There is no earlier version of it. The newest complete version is %s of an "+
			"earlier state of "+
			"the stack (serial %d, %s, by %s). It does not have the objects that were created later. If it is right "+
			"anyway:\n%s",
			what, best.Serial, WrittenAt(best.Stored).UTC().Format("2006-01-02 15:04:05 UTC"), best.Who,
			b.CommandLine(key, "state restore", "--force", best.ID))
	}
	return fmt.Sprintf("The newest complete version is %s (serial %d, %s, by %s). Restore it:\n%s", what,
		best.Serial,
		best.At.UTC().Format("2006-01-02 15:04:05 UTC"), best.Who, b.CommandLine(key, "state restore", best.ID))
}
