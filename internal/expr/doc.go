// Package expr evaluates the ${...} templates of component specs. It is the only user of HCL and cty.
//
// In: the text of one string and a way to look names up. Out: a value.Value: data when every name is known, a single
// reference (value.OpReference, value.OpSelect) when the text is nothing else, else a deferred template
// (value.OpTemplate) that Evaluate finishes once outputs are there. It must not do I/O, read the clock or keep state
// between texts beyond a budget; what it computes depends on its arguments alone.
package expr
