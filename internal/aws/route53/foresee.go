package route53

import (
	"context"

	"github.com/company/deployer/internal/resource"
)

// foresee asks whether somebody else has records of the names of new ones.
func (r record) foresee(ctx context.Context, planned []recordCall, _ resource.Neighbours, f *resource.Foresight) {
	for _, c := range planned {
		p := c.Props
		if !c.New() || p.ZoneID.Get() == "" || p.Name == "" || c.InState != nil && c.InState(recordID(p)) {
			continue
		}
		f.Ask(func() error {
			there, err := r.get(ctx, p)
			if err != nil {
				return err
			}
			there = there.beside(p.Types)
			if len(there) == 0 {
				return nil
			}
			if _, ours, err := r.owner(ctx, c, there); err != nil || ours {
				return err
			}
			f.Refuse(c.Resource, removeRecord, "somebody else has made records of the name %s (%s)", p.Name,
				there.String())
			return nil
		})
	}
}
