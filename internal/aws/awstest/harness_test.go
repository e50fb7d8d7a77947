// Package awstest runs the conformance suite of resource types over every type, in one test binary against one
// emulator.
//
// In: the cases of the types, one file per service: <service>_test.go. Out: passed or not. It must not be linked into
// the program: it has only tests.
package awstest

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/service"
	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

func TestMain(m *testing.M) {
	call.Scale = 0.001
	os.Exit(m.Run())
}

// harness is one test's view of the emulator: the calls so far, and the faults to come.
type harness struct {
	Env    *testkit.Env
	Config aws.Config // for behaviours: recorded, with faults
	Plain  aws.Config // for the hooks of a test: neither

	mu      sync.Mutex
	actions []string
	faults  []*fault
}

// fault is what happens to the next calls of one operation.
type fault struct {
	operation string // "sqs:CreateQueue"; "" is the next mutating call
	code      string // AWS error code answered instead of making the call; "" makes the call and loses the answer
	times     int
}

// start returns a harness with its own account, in region us-east-1.
func start(t *testing.T) *harness { return startIn(t, "us-east-1") }

func startIn(t *testing.T, region string) *harness {
	t.Helper()
	env := testkit.Start(t, testkit.InRegion(region))
	h := &harness{Env: env, Plain: env.Config}
	h.Config = h.Plain.Copy()
	h.Config.APIOptions = append(slices.Clone(h.Config.APIOptions), call.PatientWithNew,
		func(stack *middleware.Stack) error {
			// Innermost: it sees every attempt, as the network would.
			return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("awstest", h.handle), middleware.After)
		})
	return h
}

func (h *harness) handle(
	ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
) (middleware.DeserializeOutput, middleware.Metadata, error) {
	rules, name := service.RulesOf(awsmiddleware.GetServiceID(ctx)), awsmiddleware.GetOperationName(ctx)
	fault := h.record(rules.Prefix+":"+name, rules.ActionsOf(name))
	if fault != nil && fault.code != "" {
		return middleware.DeserializeOutput{}, middleware.Metadata{},
			&smithy.GenericAPIError{Code: fault.code, Message: "injected by the test"}
	}
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if fault != nil {
		err = &smithyhttp.RequestSendError{Err: fmt.Errorf("injected by the test: %w", io.ErrUnexpectedEOF)}
	}
	return out, metadata, err
}

// record notes the IAM actions of an operation and returns the fault that strikes it.
func (h *harness) record(operation string, actions []string) *fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, action := range actions {
		if !slices.Contains(h.actions, action) {
			h.actions = append(h.actions, action)
		}
	}
	for _, f := range h.faults {
		if f.times > 0 && (f.operation == operation || f.operation == "" && changes(operation)) {
			f.times--
			return f
		}
	}
	return nil
}

// Actions returns the IAM actions of the calls made with Config.
func (h *harness) Actions() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.actions)
}

// LoseAnswer lets the next mutating call take effect without an answer.
func (h *harness) LoseAnswer(*testing.T) { h.add(&fault{times: 1}) }

// Fail lets the next calls of an operation ("sqs:CreateQueue") fail with an AWS error code.
func (h *harness) Fail(operation, code string, times int) {
	h.add(&fault{operation: operation, code: code, times: times})
}

// Heal removes all faults.
func (h *harness) Heal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = nil
}

func (h *harness) add(f *fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, f)
}

func changes(operation string) bool {
	_, name, _ := strings.Cut(operation, ":")
	for _, reading := range []string{"Get", "List", "Describe", "Head"} {
		if strings.HasPrefix(name, reading) {
			return false
		}
	}
	return true
}

// request is a create of the given checked properties, for tests beside the suite.
func request(typ string) resource.Request {
	return resource.Request{
		Resource: "suite/conformance:object", Type: typ, Token: "0123456789abcdef",
		InState: func(string) bool { return false }, Progress: func(string) {},
	}
}
