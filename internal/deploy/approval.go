package deploy

import "github.com/company/deployer/internal/manifest"

// approvalRequired reports whether the environment demands an approval for this run. Where the Stack is not that
// of the manifests, the state decides, and the manifests where they can be read.
func (u *run) approvalRequired() bool {
	if u.stack != nil && !u.remedy {
		return u.stack.Approval == manifest.ApprovalRequired
	}
	if u.Stored != nil && u.Stored.Payload.Approval == manifest.ApprovalRequired {
		return true
	}
	bundle, _ := manifest.Load(u.back.World.Root, u.req.Key.Stack) // a destroy does not report its problems
	return bundle != nil && bundle.Settings(u.req.Key.Environment).Approval == manifest.ApprovalRequired
}

// approvalChanged reports whether state and manifests disagree about approvals. The state has to follow the manifests,
// because a destroy uses it.
func (u *run) approvalChanged() bool {
	return u.stack != nil && u.Stored != nil && u.Stored.Payload.Approval != u.stack.Approval
}
