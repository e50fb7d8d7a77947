package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
)

// problems turns what the engine returned into diagnostics, one per thing that went wrong.
func problems(err error) diag.List {
	var out diag.List
	said := map[string]bool{}
	for _, single := range backend.Split(err) {
		for _, d := range problem(single) {
			if !said[d.Error()] { // one error may stop a run and also prevent the save
				said[d.Error()] = true
				out.Add(d)
			}
		}
	}
	if err != nil && len(out) == 0 {
		return diag.From(err) // cut off, and no other error says so
	}
	return out
}

func problem(err error) diag.List {
	var (
		step       *engine.StepError
		protected  *engine.ProtectedError
		obstructed *engine.ObstructedError
		unfit      *engine.ProblemError
		resolve    *engine.ResolveError
		internal   *engine.InternalError
		stopped    *engine.StoppedError
		refused    *engine.RefusedError
		known      *diag.Diagnostic
		wait       *resource.WaitError
	)
	switch {
	case errors.As(err, &stopped) && !errors.As(err, &known):
		d := diag.New(diag.Interrupted, "Interrupted", "The run was stopped before everything was done.",
			"Run the command again. It continues from here.")
		d.Cause = err
		return diag.List{d}
	case errors.As(err, &protected):
		d := protectedProblem(protected)
		d.Cause = protected
		return diag.List{d}
	case errors.As(err, &obstructed):
		return obstructedProblems(obstructed)
	case errors.As(err, &step) && (errors.Is(step.Err, context.Canceled) || errors.As(step.Err, &wait)):
		return givenUp(step)
	case errors.As(err, &step):
		return diag.List{stepProblem(step)}
	case errors.As(err, &unfit):
		var out diag.List
		for _, p := range unfit.Problems {
			if p.Kind == resource.NetworkUnfit {
				out.Add(diag.New(diag.Invalid, "Network without internet access",
					fmt.Sprintf("%s: %s.", unfit.Resource, p.Message),
					"Give the route table of its subnets a default route to a NAT or internet gateway, or choose "+
						"other subnets in the Network (`spec.subnets`).").For(resource.ComponentOf(unfit.Resource)))
				continue
			}
			if p.Kind == resource.Impossible {
				out.Add(diag.New(diag.Invalid, "Change that AWS cannot make",
					fmt.Sprintf("%s of the resource %s (%s): it %s.", strings.Join(p.Path, "."), unfit.Resource,
						unfit.Type, p.Message),
					"Give the present value again. To get the new value, create another component and move the data.").
					For(resource.ComponentOf(unfit.Resource)))
				continue
			}
			out.Add(diag.New(diag.Invalid, "Invalid resource property",
				fmt.Sprintf("%s of the resource %s (%s): %s.", strings.Join(p.Path, "."), unfit.Resource, unfit.Type,
					p.Message),
				"If it comes from `overrides`, correct it there.").For(resource.ComponentOf(unfit.Resource)))
		}
		return out
	case errors.As(err, &resolve):
		d := diag.New(diag.Invalid, "Cannot compute a value", fmt.Sprintf("%s: %s.", resolve.Resource, resolve.Err),
			"")
		fromAWS(d, resolve.Err)
		return diag.List{d.For(resource.ComponentOf(resolve.Resource))}
	case errors.As(err, &refused):
		return nil // run.preview tells it
	case errors.As(err, &internal):
		return diag.List{diag.New(diag.Failed, "The engine stopped", internal.Error()+".",
			"What was done is in the state. Run the command again; if it stops again, report this text.")}
	case errors.Is(err, context.Canceled) && !errors.As(err, &known):
		return nil // the cause of the interruption is reported, too
	}
	return diag.From(err)
}

// givenUp reports a step whose call had no answer when the run could not wait any longer. A step that only reads is not
// reported.
func givenUp(step *engine.StepError) diag.List {
	d := diag.New(diag.Interrupted, "Step not finished", "", "The next run checks the result in AWS.")
	var op *resource.OpError
	var wait *resource.WaitError
	switch {
	case step.Action == plan.NoOp || step.Action == "":
		return nil
	case errors.As(step.Err, &wait):
		d.Detail = step.Resource + ": the run stopped while it waited (" + wait.What + "). AWS continues."
	case errors.As(step.Err, &op):
		d.Operation = op.Operation
		d.Detail = step.Resource + ": the run stopped before " + op.Operation +
			" was answered. The change may still take effect."
	default:
		return nil
	}
	return diag.List{d.For(resource.ComponentOf(step.Resource))}
}

func protectedProblem(refused *engine.ProtectedError) *diag.Diagnostic {
	resources := refused.Resources
	var addresses []string
	for _, id := range resources {
		addresses = append(addresses, resource.ComponentOf(id))
	}
	slices.Sort(addresses)
	addresses = slices.Compact(addresses)
	flags := make([]string, len(addresses))
	for i, a := range addresses {
		flags[i] = "--allow-data-loss " + a
	}
	return diag.New(diag.Invalid, "Protected component",
		"This would "+whatIsRefused(refused)+". Nothing was touched.",
		"To allow it: "+strings.Join(flags, " "))
}

func whatIsRefused(e *engine.ProtectedError) string {
	deeds := "delete or replace protected components"
	if e.Emptied {
		deeds += ", or delete data of them"
	}
	return deeds + ": " + strings.Join(e.Resources, ", ")
}

// obstructedProblems says for each object why AWS would refuse to delete it, and what to do.
func obstructedProblems(err *engine.ObstructedError) diag.List {
	var out diag.List
	for _, o := range err.Obstructions {
		d := diag.New(diag.Failed, "Cannot be deleted", fmt.Sprintf("%s: %s. Nothing was touched.", o.Resource, o.What),
			diag.Sentence(o.Next))
		d.Cause = err
		out.Add(d.For(resource.ComponentOf(o.Resource)))
	}
	return out
}

// foreseen turns errors that an apply would stop with into warnings, for a plan. false: there are other errors, too.
func foreseen(found diag.List) (diag.List, bool) {
	var out diag.List
	for _, d := range found {
		var protected *engine.ProtectedError
		var obstructed *engine.ObstructedError
		w := *d
		w.Severity = diag.Warning
		switch {
		case errors.As(d.Cause, &protected):
			w.Detail = "Apply will refuse to " + whatIsRefused(protected) + "."
		case errors.As(d.Cause, &obstructed):
			w.Detail = strings.Replace(d.Detail, "Nothing was touched.", "Apply will refuse to start.", 1)
		default:
			return nil, false
		}
		out.Add(&w)
	}
	return out, true
}

// unaskedProblems names the objects whose deletion could not be checked before the first delete.
func unaskedProblems(unasked []engine.StepError) diag.List {
	var out diag.List
	for _, u := range unasked {
		d := diag.New(diag.Failed, "Not asked", "Whether AWS would delete "+u.Resource+
			" is not known, because the credentials do not allow the check. The delete may fail half-way.", "")
		d.Severity = diag.Warning
		var op *resource.OpError
		if errors.As(u.Err, &op) {
			d.Operation, d.RequestID, d.Next = op.Operation, op.RequestID, op.Next
			if d.Next == "" {
				d.Next = resource.DeniedAdvice(op.Operation, op.Message)
			}
		}
		out.Add(d.For(resource.ComponentOf(u.Resource)))
	}
	return out
}

// refusalProblems are what AWS would refuse, and what it may refuse.
func (u *run) refusalProblems(refusals []resource.Refusal) (refused, doubtful diag.List) {
	for _, r := range refusals {
		address := resource.ComponentOf(r.Resource)
		d := diag.New(diag.Invalid, "AWS would refuse this", r.Resource+": "+r.What+".", diag.Sentence(r.Next)).
			For(address)
		if u.stack != nil {
			d.Position = u.stack.Locate(address)
		}
		if r.Unsure || r.Remark != "" {
			d.Severity, d.Summary = diag.Warning, cmp.Or(r.Remark, "AWS may refuse this")
			doubtful.Add(d)
			continue
		}
		refused.Add(d)
	}
	return refused, doubtful
}

// unforeseenProblems says once which questions about a plan AWS has not answered.
func unforeseenProblems(unforeseen []error) diag.List {
	var operations []string
	next := ""
	for _, err := range unforeseen {
		var op *resource.OpError
		if !errors.As(err, &op) {
			operations = append(operations, err.Error())
			continue
		}
		operations = append(operations, op.Operation)
		if op.Denied() {
			next = resource.DeniedAdvice(op.Operation, op.Message)
		}
	}
	if len(operations) == 0 {
		return nil
	}
	slices.Sort(operations)
	d := diag.New(diag.Failed, "Pre-flight is not complete", "AWS has not answered "+
		some(slices.Compact(operations), 5)+", so the plan does not show all that an apply may fail at.",
		cmp.Or(next, "Run the command again, or give --offline to ask nothing."))
	d.Severity = diag.Warning
	return diag.List{d}
}

func stepProblem(step *engine.StepError) *diag.Diagnostic {
	address := resource.ComponentOf(step.Resource)
	var known *diag.Diagnostic
	if errors.As(step.Err, &known) {
		d := *known
		d.Component = address
		return &d
	}
	var owned *resource.OwnedError
	if errors.As(step.Err, &owned) {
		d := diag.New(diag.Failed, "Name is taken", step.Resource+": "+owned.Error()+".",
			cmp.Or(owned.Next, "Rename the component, or delete the other object if nobody needs it")+".")
		d.Cause = owned
		return d.For(address)
	}
	action := string(step.Action)
	if step.Action == plan.NoOp || step.Action == "" {
		action = "read" // a refresh
	}
	d := diag.New(diag.Failed, fmt.Sprintf("Cannot %s %s", action, step.Resource), step.Err.Error()+".",
		"What was done is in the state. Correct the cause, then run the command again.")
	fromAWS(d, step.Err)
	var needed *engine.NeededError
	if errors.As(step.Err, &needed) {
		d.Detail = diag.Sentence(needed.Error())
		if needed.Err == nil {
			d.Next = "Run the command again: it deletes both."
		}
	}
	if step.Action != plan.Delete && step.Action != plan.NoOp && errors.Is(step.Err, resource.ErrNotFound) {
		d.Next = "The object, or another object that it needs, was deleted outside of deployer. Run `deployer apply " +
			"--refresh`: it reads the objects in AWS and creates the missing ones."
	}
	return d.For(address)
}

// fromAWS fills in which call failed, and what to do after that kind of failure.
func fromAWS(d *diag.Diagnostic, err error) {
	var op *resource.OpError
	if !errors.As(err, &op) {
		return
	}
	d.Operation, d.RequestID = op.Operation, op.RequestID
	d.Detail = diag.Sentence(strings.TrimPrefix(op.Code+": "+op.Message, ": "))
	switch {
	case op.Next != "":
		d.Next = diag.Sentence(op.Next)
	case aws.Throttled(err):
		d.Next = "The account makes too many API calls. Wait a while, then run the command again, with a lower " +
			"--parallelism if that does not help. What was done is in the state."
	case aws.Trouble(err):
		d.Next = "AWS or the network has a fault; the request was right. Run the command again when it is over; " +
			"what was done is in the state."
	case op.Denied():
		d.Next = resource.DeniedAdvice(op.Operation, op.Message)
	case strings.Contains(op.Code, "Expired"):
		d.Code, d.Next = diag.Invalid, "The credentials have expired: get new ones and run the command again."
	case strings.Contains(op.Code, "LimitExceeded") || strings.Contains(op.Code, "TooMany"):
		d.Next = "A quota of the account is used up: remove what is not needed, or ask AWS to raise it."
	}
}
