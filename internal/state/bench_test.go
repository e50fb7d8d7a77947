package state_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/state"
)

// large is a state of 5,000 resources, about as long as real ones.
func large(tb testing.TB) []byte {
	tb.Helper()
	resources := make([]json.RawMessage, 5000)
	p := state.Payload{
		Stack: "shop", Environment: "dev", Account: "123456789012", Region: "eu-central-1",
		Deployment: 7, Status: state.Succeeded,
	}
	for i := range resources {
		inputs := fmt.Sprintf(
			`{"name":"shop-dev-service-%d","cpu":256,"memory":512,"tags":{"deployer:stack":"shop","deployer:component":"service-%d/api","deployer:lineage":"6e1f"},`+
				`"containers":[{"image":"123456789012.dkr.ecr.eu-central-1.amazonaws.com/api:v1","ports":[8080,9090],"environment":{"LOG":"info <b>","URL":"https://x"}}]}`,
			i,
			i/5,
		)
		resources[i] = fmt.Appendf(
			nil,
			`{"urn":"urn:pulumi:dev::shop::deployer:ecs/service::service-%d/api:r%d","custom":true,"id":"arn:aws:ecs:eu-central-1:123456789012:service/%d","type":"deployer:ecs/service",`+
				`"inputs":%s,"outputs":%s,"dependencies":["urn:pulumi:dev::shop::deployer:ecs/service::service-%d/api:r%d"]}`,
			i/5,
			i%5,
			i,
			inputs,
			inputs,
			i/5,
			i%5,
		)
	}
	for i := range 1000 {
		p.Components = append(p.Components, state.Component{
			Address: fmt.Sprintf("service-%d/api", i), Kind: "MicroService", DependsOn: []string{"infra/network"},
			Outputs: map[string]any{"url": fmt.Sprintf("https://service-%d.example.com", i), "port": 8080.0},
		})
	}
	p.Engine = fmt.Appendf(nil, `{"manifest":{},"resources":[%s]}`, bytes.Join(toBytes(resources), []byte(",")))
	p.Config = fmt.Appendf(nil, `{"resources":[%s]}`, bytes.Join(toBytes(resources[:2500]), []byte(",")))
	e := &state.Envelope{Lineage: "l", Serial: 7, Fence: 3, Writer: state.Writer{LockID: "k", OpID: "o"}}
	require.NoError(tb, e.SetPayload(&p))
	raw, err := e.Encode()
	require.NoError(tb, err)
	return raw
}

func toBytes(in []json.RawMessage) [][]byte {
	out := make([][]byte, len(in))
	for i := range in {
		out[i] = in[i]
	}
	return out
}

// BenchmarkRead is the start of each command: the envelope is verified, then the payload is read.
func BenchmarkRead(b *testing.B) {
	raw := large(b)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		e, err := state.Decode(raw, "here")
		require.NoError(b, err)
		_, err = e.Decode()
		require.NoError(b, err)
	}
}
