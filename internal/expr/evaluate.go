package expr

import (
	"errors"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/company/deployer/internal/value"
)

// The most that evaluation may produce, in bytes.
const (
	maxResult = 1 << 20  // by all the functions of one text together, and by its result
	maxTotal  = 64 << 20 // by all the texts of one Compiler
)

var errTooMuch = errors.New("an expression that produces more than 1 MiB")

// budget is how much functions may still produce. Text can grow by multiplication (replace, format, nested jsonencode),
// so each function asks the budget before it allocates.
type budget struct {
	call  int
	total *int
}

func (b *budget) take(n int) error {
	if n < 0 || n > b.call || n > *b.total {
		return errTooMuch
	}
	b.call -= n
	*b.total -= n
	return nil
}

// evaluate computes the template with its variables.
func (p *parsed) evaluate(vars map[string]value.Value, b *budget) (value.Value, []error) {
	mentioned, calls := 0, false
	_ = hclsyntax.VisitAll(p.root, func(node hclsyntax.Node) hcl.Diagnostics {
		switch n := node.(type) {
		case *hclsyntax.ScopeTraversalExpr:
			mentioned += sizeOf(vars[n.Traversal.RootName()])
		case *hclsyntax.FunctionCallExpr:
			calls = true
		}
		return nil
	})
	if mentioned > maxResult {
		return value.NullValue, []error{errorf(0, len(p.text), "%s", errTooMuch)}
	}
	ctx := &hcl.EvalContext{Variables: make(map[string]cty.Value, len(vars))}
	for name, v := range vars {
		ctx.Variables[name] = toCty(v)
	}
	if calls {
		ctx.Functions = implementations(b)
	}
	result, diags := p.root.Value(ctx)
	if diags.HasErrors() {
		return value.NullValue, p.errors(diags)
	}
	size := maxResult
	v, err := fromCty(result, &size)
	if err != nil {
		return value.NullValue, []error{errorf(0, len(p.text), "%s", err)}
	}
	return v, nil
}
