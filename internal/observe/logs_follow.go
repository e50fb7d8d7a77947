package observe

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/follow"
	"github.com/company/deployer/internal/resource"
)

// Paces of following: looks at logs, and lists of tasks. AWS allows about ten looks a second in an account.
const (
	lookEvery = 2 * time.Second
	lookShare = 250 * time.Millisecond // for each log
	listEvery = 5 * time.Second
	patience  = 5 // looks in a row that fail end following
)

// follow shows what is added, until the context ends.
func (r *logReader) follow(ctx context.Context) error {
	pace := max(lookEvery, time.Duration(len(r.logs))*lookShare)
	failed := 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pace):
		}
		r.refresh(ctx)
		found := make([][]follow.Event, len(r.logs))
		var all errgroup.Group
		now := r.now()
		for i, l := range r.logs {
			l.follower.Streams(r.streams(l))
			all.Go(func() (err error) { found[i], err = l.follower.Look(ctx, now); return err })
		}
		err := all.Wait()
		if failed++; err == nil {
			failed = 0
		}
		if err := r.batch(ctx, found); err != nil {
			return err
		}
		if err != nil && (failed == patience || denied(err)) {
			return err
		}
		if err := r.stops(now.Add(-2 * pace)); err != nil {
			return err
		}
	}
}

func denied(err error) bool {
	var op *resource.OpError
	return errors.As(err, &op) && strings.Contains(op.Code, "AccessDenied")
}

// refused says what to do about a call that AWS does not allow.
func refused(err error) error {
	var op *resource.OpError
	if !denied(err) || !errors.As(err, &op) {
		return err
	}
	d := diag.New(diag.Failed, "Logs cannot be read", diag.Sentence(cmp.Or(op.Message, op.Code)),
		resource.DeniedAdvice(op.Operation, op.Message))
	d.Operation, d.RequestID, d.Cause = op.Operation, op.RequestID, err
	return d
}

// batch shows lines of several logs in the order of time.
func (r *logReader) batch(ctx context.Context, found [][]follow.Event) error {
	type line struct {
		l *log
		e follow.Event
	}
	var lines []line
	for i, l := range r.logs {
		for _, e := range found[i] {
			if r.keeps(l, e) {
				lines = append(lines, line{l, e})
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(a.e.At.Compare(b.e.At), a.e.Ingested.Compare(b.e.Ingested))
	})
	for _, x := range lines {
		if _, known := r.tasks[x.l.component+x.l.task(x.e)]; !known && x.l.task(x.e) != "" {
			r.refresh(ctx)
		}
		if err := r.show(ctx, x.l, x.e); err != nil {
			return err
		}
	}
	return nil
}

// live shows what live tail sends, until the context ends.
func (r *logReader) live(ctx context.Context) error {
	var arns []string
	scope := resource.Scope{Account: r.place.Account, Region: r.place.Region}
	for _, l := range r.logs {
		if arn := scope.ARN("logs", "log-group:"+l.source.Group); !slices.Contains(arns, arn) {
			arns = append(arns, arn)
		}
	}
	return r.source.Live(ctx, arns, r.Pattern, func(events []follow.Event, sampled bool) error {
		follow.Sort(events)
		found := make([][]follow.Event, len(r.logs))
		for _, e := range events {
			for i, l := range r.logs {
				if e.Group == l.source.Group && strings.HasPrefix(e.Stream, l.query.Prefix) {
					found[i] = append(found[i], e)
					break
				}
			}
		}
		r.refresh(ctx)
		if err := r.batch(ctx, found); err != nil {
			return err
		}
		if sampled {
			r.Tell("", "AWS shows a sample here: there were more than 500 lines in a second. "+
				"--follow shows all of them.")
		}
		return r.stops(r.now().Add(-lookEvery))
	})
}
