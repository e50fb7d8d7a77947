package view

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

func TestGraph(t *testing.T) {
	r := func(component, name string, after ...string) *resource.Resource {
		return &resource.Resource{Component: component, Name: name, Type: "t/t", Props: value.NewMap(nil), After: after}
	}
	g := &resource.Graph{
		Components: []resource.Component{
			{Address: "infra/cluster", Kind: "Cluster", Synthetic: true},
			{Address: "shop/a", Kind: "MicroService"},
			{Address: "shop/b", Kind: "MicroService"},
			{Address: "shop/queue", Kind: "SQS"},
			{Address: "shop/web", Kind: "MicroService", DependsOn: []string{"shop/queue"}},
		},
		Resources: []*resource.Resource{
			r("infra/cluster", "cluster"), r("shop/queue", "queue"), r("shop/queue", "policy", "shop/queue:queue"),
			r("shop/web", "service", "infra/cluster:cluster"), r("shop/a", "group"), r("shop/b", "group"),
			r("shop/a", "rule", "shop/b:group"), r("shop/b", "rule", "shop/a:group", "infra/cluster:cluster"),
		},
	}
	require.NoError(t, g.Sort())
	picture, err := NewGraph("shop", "dev", g)
	require.NoError(t, err)
	golden(t, "graph.txt", render(false, 80, func(w *Writer) { GraphText(w, picture) }))
	var dot, mmd, doc bytes.Buffer
	require.NoError(t, GraphDOT(&dot, picture))
	require.NoError(t, GraphMermaid(&mmd, picture))
	require.NoError(t, JSON(&doc, picture))
	golden(t, "graph.dot", dot.String())
	golden(t, "graph.mmd", mmd.String())
	golden(t, "graph.json", doc.String())
}
