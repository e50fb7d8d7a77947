package component

import (
	"strings"

	"github.com/company/deployer/internal/value"
)

// Moved says which address a component had before.
type Moved struct {
	From string `json:"from" required:"true" doc:"The former address: user-service/api, or the name alone in the same service. Its objects are kept."`
}

// Original is the instance under the address of its first deployment. Physical names are made from that address, so
// that a renamed component keeps its objects. It is the instance itself if it was never renamed.
func (i Instance) Original() Instance {
	if i.Named != "" {
		i.Address = i.Named
		i.Service, i.Name, _ = strings.Cut(i.Named, "/")
	}
	return i
}

// movedFrom is the address in `moved`, "" for a component without one.
func (m *member) movedFrom() string {
	switch {
	case m.common.Moved == nil:
		return ""
	case strings.Contains(m.common.Moved.From, "/"):
		return m.common.Moved.From
	}
	return m.Service + "/" + m.common.Moved.From
}

// checkMoves finds impossible moves: to the same address, from a component that still exists, twice from the same one.
func (x *expansion) checkMoves() {
	claimed := map[string]string{}
	for _, m := range x.sorted() {
		from := m.movedFrom()
		if from == "" {
			continue
		}
		service, name, _ := strings.Cut(from, "/")
		add := func(format string, args ...any) {
			x.add(m.Address, problem(value.BadValue, []string{"moved", "from"}, nil, format, args...))
		}
		switch {
		case service == "" || name == "" || strings.Contains(name, "/"):
			add("%q is not an address of a component: write service/component", m.common.Moved.From)
		case from == m.Address:
			add("%s is its present address: name the former one, or remove moved", from)
		case x.members[from] != nil:
			add("%s is still a component of the stack: only a removed address can be a former address. Swap two "+
				"components in two applies, with a third name between", from)
		case claimed[from] != "":
			add("%s also names %s as its former address: only one component can have moved from it", claimed[from],
				from)
		}
		if claimed[from] == "" {
			claimed[from] = m.Address
		}
	}
}
