package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/view"
)

func newLocks(f *Factory) *cobra.Command {
	cmd := parent("locks", "Show and break locks")
	cmd.AddCommand(newLocksList(f), newLocksShow(f))
	return cmd
}

type locksListOptions struct {
	factory *Factory
	json    bool
}

func newLocksList(f *Factory) *cobra.Command {
	o := &locksListOptions{factory: f}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List held locks: who, since when, where, and whether alive",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return locksListRun(o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func locksListRun(o *locksListOptions) error {
	f := o.factory
	back, err := f.BackendHere()
	if err != nil {
		return err
	}
	locks, err := observe.Locks(f.Soft, back, f.keys())
	if err != nil {
		return err
	}
	if o.json {
		return view.JSON(f.Out, locks)
	}
	view.Locks(f.Stdout(), locks, back.Now())
	return nil
}

type locksShowOptions struct {
	target
	json bool
}

func newLocksShow(f *Factory) *cobra.Command {
	o := &locksShowOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the details of one lock",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return locksShowRun(o) },
	}
	o.target.flags(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func locksShowRun(o *locksShowOptions) error {
	f := o.factory
	key, back, err := o.open()
	if err != nil {
		return err
	}
	held, err := observe.Lock(f.Soft, back, key)
	if err == nil && held == nil {
		err = o.mustExist(back, key)
	}
	if err != nil {
		return err
	}
	switch {
	case o.json:
		return view.JSON(f.Out, held) // null when nobody holds it
	case held == nil:
		f.Stdout().Printf("%s is not locked.\n", key)
	default:
		view.Lock(f.Stdout(), held, back.Now())
	}
	return nil
}

type unlockOptions struct {
	target
	id    string
	force bool
}

func newUnlock(f *Factory) *cobra.Command {
	o := &unlockOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "unlock [LOCK_ID]",
		Short: "Break the lock of a run that has ended",
		Long: "Break a lock. This is rarely needed: the next run takes over the lock of a run that has ended. A " +
			"given LOCK_ID must match. The lock of a run\nthat may be alive is broken only with --force.",
		Args: arguments(0, 1, "LOCK_ID"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.id = args[0]
			}
			return unlockRun(o)
		},
	}
	o.target.flags(cmd)
	cmd.Flags().BoolVar(&o.force, "force", false, "even if the holder may be alive")
	return cmd
}

func unlockRun(o *unlockOptions) error {
	f := o.factory
	key, err := o.StoredKey()
	if err != nil {
		return err
	}
	back, err := f.Backend(key)
	if err != nil {
		return err
	}
	freed, err := repair.Unlock(f.Soft, back, key, o.id, o.force)
	var nothing *lock.NotLockedError
	if errors.As(err, &nothing) {
		f.Stdout().Printf("%s is not locked.\n", key)
		return nil
	}
	if err != nil {
		return err
	}
	f.Stdout().Printf("Unlocked %s, which %s held. The next run continues where that run stopped.\n", key, freed)
	return nil
}
