package engine

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// secret is a write-only property of a resource that is desired: Definition.WriteOnly.
type secret struct {
	plain  value.Value
	sealed string
}

// seal replaces write-only properties by a salted hash. The engine, plans and states only see the hash, which shows
// whether the property has changed. The values are kept for the call that needs them.
func (r *run) seal(res *resource.Resource, props value.Value) value.Value {
	urn := r.names.resource(res.ID(), res.Type)
	found := map[string]secret{}
	for _, name := range r.definition(res.Type).WriteOnly {
		v := props.Get(name)
		if v.IsNull() || !v.Known() {
			continue
		}
		lineage := ""
		if r.o.Tags != nil {
			lineage = r.o.Tags(res.Component)[resource.TagLineage]
		}
		found[name] = secret{value.NewString(v.Str()), fingerprinted(v.Str(), lineage+" "+string(urn)+" "+name)}
		props = props.With(name, value.NewString(found[name].sealed))
	}
	if len(found) > 0 {
		r.mu.Lock()
		r.secrets[urn] = found
		r.mu.Unlock()
	}
	return props
}

const (
	sealedPrefix = "sealed:"
	// rounds makes guessing slow for readers of the state; one hash takes some 20 ms.
	rounds = 100_000
)

func fingerprinted(plain, salt string) string {
	sum, err := pbkdf2.Key(sha256.New, plain, []byte(salt), rounds, 16)
	if err != nil {
		panic(err) // of lengths that are constant
	}
	return sealedPrefix + hex.EncodeToString(sum)
}

// unseal gives a call the values of write-only properties. It has old values only of properties that did not change. It
// leaves out the others, so that they count as changed.
func (r *run) unseal(urn sdk.URN, call *resource.Request) {
	for name, s := range r.secretsOf(urn) {
		if call.Inputs.Get(name).Str() == s.sealed {
			call.Inputs = call.Inputs.With(name, s.plain)
		}
		switch was := call.Old.Inputs.Get(name).Str(); {
		case was == s.sealed:
			call.Old.Inputs = call.Old.Inputs.With(name, s.plain)
		case was != "":
			call.Old.Inputs = call.Old.Inputs.With(name, value.NullValue)
		}
	}
}

// reseal replaces write-only properties in the answer of a call by their hashes. If the answer lacks the new value, the
// object still has the old one.
func (r *run) reseal(urn sdk.URN, is, old value.Value) value.Value {
	if is.IsNull() {
		return is
	}
	for name, s := range r.secretsOf(urn) {
		if has := is.Get(name); !has.IsNull() && has.Str() == s.plain.Str() {
			is = is.With(name, value.NewString(s.sealed))
		} else {
			is = is.With(name, old.Get(name))
		}
	}
	return is
}

// redact removes the values of write-only properties from what AWS says about a call.
func (r *run) redact(urn sdk.URN, text string) string {
	for _, s := range r.secretsOf(urn) {
		if plain := s.plain.Str(); plain != "" {
			text = strings.ReplaceAll(text, plain, value.Redacted)
		}
	}
	return text
}

// redacted removes the values of write-only properties from all texts of an error that somebody may print or store.
func (r *run) redacted(urn sdk.URN, err error) error {
	if err == nil {
		return nil
	}
	text := r.redact(urn, err.Error())
	if text == err.Error() {
		return err
	}
	if op := (*resource.OpError)(nil); errors.As(err, &op) {
		op.Message = r.redact(urn, op.Message)
	}
	if partial := (*resource.PartialError)(nil); errors.As(err, &partial) {
		partial.Err = r.redacted(urn, partial.Err)
	}
	return &redactedError{text, err}
}

// redactedError has another text than what it wraps.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

func (r *run) secretsOf(urn sdk.URN) map[string]secret {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.secrets[urn]
}
