package deploy

import "github.com/company/deployer/internal/manifest"

// approvalRequired reports whether the environment wants an approval given for this run. A destroy has no Stack: the
// state's word counts, and that of the manifests where they can be read.
func (u *run) approvalRequired() bool {
	if u.stack != nil {
		return u.stack.Approval == manifest.ApprovalRequired
	}
	if u.Stored != nil && u.Stored.Payload.Approval == manifest.ApprovalRequired {
		return true
	}
	bundle, _ := manifest.Load(u.back.World.Root, u.req.Key.Stack) // its problems are nobody's who destroys
	return bundle != nil && bundle.Settings(u.req.Key.Environment).Approval == manifest.ApprovalRequired
}

// approvalChanged reports whether the state says of approvals something else than the manifests. It has to follow: a
// destroy asks it.
func (u *run) approvalChanged() bool {
	return u.stack != nil && u.Stored != nil && u.Stored.Payload.Approval != u.stack.Approval
}
