package view

import (
	"github.com/company/deployer/internal/picture"
	"github.com/company/deployer/internal/report"
)

// Diagram is the graph as boxes and arrows: shared components are dashed. details is what the state says of the
// deployed components; nil when it was not read.
func (g *Graph) Diagram(details *report.Details) picture.Diagram {
	deployed := map[string]report.ComponentDetail{}
	if details != nil {
		for _, c := range details.Components {
			deployed[c.Address] = c
		}
	}
	out := picture.Diagram{Title: oneLine(g.Stack + "/" + g.Environment)}
	for _, n := range g.Components {
		b := picture.Box{
			ID: n.Address, Title: oneLine(n.Address), Dashed: n.Shared,
			Note: oneLine(n.Kind + ", " + count(len(n.Resources), "resource")),
		}
		b.Facts = append(b.Facts, picture.Fact{Name: "Kind", Value: oneLine(n.Kind)})
		c, known := deployed[n.Address]
		if details != nil {
			text := "not in the state"
			if known {
				text = "in the state, " + details.Version.String() + ", " + details.Result
			}
			b.Facts = append(b.Facts, picture.Fact{Name: "Deployment", Value: oneLine(text)})
		}
		made := map[string]report.ResourceDetail{}
		for _, r := range c.Resources {
			made[r.Resource] = r
		}
		for _, resource := range n.Resources {
			text := "not made yet"
			if r, ok := made[n.Address+":"+resource]; ok {
				text = r.Type + " " + r.ID
			} else if details == nil {
				text = "from the manifests"
			}
			b.Facts = append(b.Facts, picture.Fact{Name: oneLine(resource), Value: oneLine(text)})
		}
		out.Boxes = append(out.Boxes, b)
	}
	for _, e := range g.Edges {
		out.Arrows = append(out.Arrows, picture.Arrow{From: e.From, To: e.To})
	}
	return out
}
