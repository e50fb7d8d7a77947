package expr

import (
	"errors"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// maxExponent is the range of a float64 in bits. cty's numbers have no range: as text, 1e999999999 is a gigabyte.
const maxExponent = 1100

var errNumber = errors.New("a number outside of the range that fields can hold")

// sane returns an error for a number that must not be turned into text.
func sane(v cty.Value) error {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || v.Type() != cty.Number {
		return nil
	}
	f := v.AsBigFloat()
	if f.IsInf() {
		return errNumber
	}
	if e := f.MantExp(nil); e > maxExponent || e < -maxExponent {
		return errNumber
	}
	return nil
}

// guardNumbers checks numbers wherever they arise: literals now, arithmetic and number functions during evaluation.
func (p *parsed) guardNumbers() []error {
	var problems []error
	_ = hclsyntax.VisitAll(p.root, func(node hclsyntax.Node) hcl.Diagnostics {
		switch n := node.(type) {
		case *hclsyntax.LiteralValueExpr:
			if err := sane(n.Val); err != nil {
				offset, length := p.span(n.SrcRange)
				problems = append(problems, errorf(offset, length, "%s", err))
			}
		case *hclsyntax.BinaryOpExpr:
			n.Op = guarded(n.Op)
		case *hclsyntax.UnaryOpExpr:
			n.Op = guarded(n.Op)
		}
		return nil
	})
	return problems
}

// saneIndexes checks the literal indexes of a traversal, which are not expressions.
func saneIndexes(traversal hcl.Traversal) error {
	for _, step := range traversal {
		if index, ok := step.(hcl.TraverseIndex); ok {
			if err := sane(index.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// guarded adds checks of arguments and result to an operation. HCL converts texts to numbers before it calls Impl.
func guarded(op *hclsyntax.Operation) *hclsyntax.Operation {
	if op.Type != cty.Number {
		return op
	}
	checked := *op
	checked.Impl = checkedFunction(op.Impl)
	return &checked
}

func checkedFunction(f function.Function) function.Function {
	return function.New(&function.Spec{
		Params:   f.Params(),
		VarParam: f.VarParam(),
		Type:     function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, arg := range args {
				if err := sane(arg); err != nil {
					return cty.NilVal, err
				}
			}
			out, err := f.Call(args)
			if err != nil {
				return cty.NilVal, err
			}
			return out, sane(out)
		},
	})
}

// numeric wraps a function of numbers with the same check.
func numeric(f function.Function) func(*budget) function.Function {
	return func(*budget) function.Function { return checkedFunction(f) }
}
