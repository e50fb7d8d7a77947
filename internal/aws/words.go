package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Words is an SDK call's error for people: AWS's own code and message, or what went wrong on the network. It omits what
// the SDK and Go add (operation, status, request id, system calls). Those that matter have their own fields in a
// diagnostic.
func Words(err error) string {
	var (
		api    smithy.APIError
		name   *net.DNSError
		number *strconv.NumError
	)
	switch {
	case errors.As(err, &api):
		code, said := api.ErrorCode(), api.ErrorMessage()
		if said == "" || said == code {
			if status := Status(err); status != 0 {
				return fmt.Sprintf("%s (HTTP status %d)", code, status)
			}
			return code
		}
		return code + ": " + said
	case errors.As(err, &name):
		return "the name " + name.Name + " cannot be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection" + to(err) + " was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection" + to(err) + " was cut"
	case errors.Is(err, context.DeadlineExceeded), timedOut(err):
		return "there was no answer in time"
	case errors.As(err, &number):
		return strings.ReplaceAll(err.Error(), number.Error(), "which is not a number")
	}
	return inner(err).Error()
}

func timedOut(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// to is " to HOST" if the error has a host.
func to(err error) string {
	var call *url.Error
	if errors.As(err, &call) {
		if u, parseErr := url.Parse(call.URL); parseErr == nil && u.Host != "" {
			return " to " + u.Host
		}
	}
	return ""
}

// inner removes what the SDK wraps around an error.
func inner(err error) error {
	for {
		var (
			operation *smithy.OperationError
			answer    *smithyhttp.ResponseError
			unsent    *smithyhttp.RequestSendError
			call      *url.Error
		)
		switch {
		case errors.As(err, &operation) && operation.Err != nil:
			err = operation.Err
		case errors.As(err, &answer) && answer.Err != nil:
			err = answer.Err
		case errors.As(err, &unsent) && unsent.Err != nil:
			err = unsent.Err
		case errors.As(err, &call) && call.Err != nil:
			err = call.Err
		default:
			return err
		}
	}
}
