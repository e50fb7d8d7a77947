// Package expr evaluates the ${...} templates of component specs. It is the only user of HCL and cty.
//
// In: the text of one string and a function that looks up names. Out: a value.Value. It is data when every name is
// known, a reference (value.OpReference, value.OpSelect) when the text is nothing else, and otherwise a deferred
// template (value.OpTemplate), which Evaluate completes once outputs are known. It must not do I/O, read the clock or
// keep state between texts other than a budget. Its results depend on its arguments alone.
package expr
