package engine

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/providers"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// The parts of every URN, and the engine version that each state names. Written states depend on them.
const (
	packageName   = "deployer"
	providerName  = "default"
	providerID    = "deployer"
	engineVersion = "v3.258.0" // of the Pulumi modules in go.mod
)

var providerType = providers.MakeProviderType(packageName)

// naming makes URNs: urn:pulumi:<environment>::<stack>::deployer:<service>:<kind>::<component>:<resource>. They are
// flat, so that nothing is replaced when a component moves within a file or another component is renamed.
type naming struct{ stack, environment string }

func (n naming) urn(token tokens.Type, name string) sdk.URN {
	return sdk.NewURN(tokens.QName(n.environment), tokens.PackageName(n.stack), "", token, name)
}

func (n naming) resource(id, typ string) sdk.URN { return n.urn(typeToken(typ), id) }

// root is the stack itself, which carries the outputs of all components.
func (n naming) root() sdk.URN { return n.urn(sdk.RootStackType, n.rootName()) }

func (n naming) rootName() string { return n.stack + "-" + n.environment }

func (n naming) provider() sdk.URN {
	return n.urn(providerType, providerName)
}

// providerRef is the reference to the provider in each resource's state.
func (n naming) providerRef() string { return string(n.provider()) + sdk.URNNameDelimiter + providerID }

// typeToken turns "sqs/queue" into "deployer:sqs:queue".
func typeToken(typ string) tokens.Type {
	return tokens.Type(packageName + ":" + strings.Replace(typ, "/", ":", 1))
}

// typeOf is the inverse of typeToken; false for types that are not ours.
func typeOf(token tokens.Type) (string, bool) {
	rest, ours := strings.CutPrefix(string(token), packageName+":")
	return strings.Replace(rest, ":", "/", 1), ours
}
