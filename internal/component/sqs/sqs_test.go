package sqs_test

import (
	"testing"

	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/testkit/componenttest"
)

func TestGolden(t *testing.T) { componenttest.Golden(t, kinds.Registry()) }

func TestCheck(t *testing.T) {
	componenttest.CheckSpecs(t, kinds.Registry(), "SQS", map[string][2]string{
		"longest":         {"visibilityTimeout: 12h\nretention: 14d", ""},
		"shortest":        {"visibilityTimeout: 0s\nretention: 60s", ""},
		"hidden too long": {"visibilityTimeout: 13h", "visibilityTimeout: must be from 0s to 12h"},
		"kept too short":  {"retention: 59s", "retention: must be from 60s to 14d"},
		"kept too long":   {"retention: 15d", "retention: must be from 60s to 14d"},
		"parts of a second": {
			"visibilityTimeout: 1500ms",
			"visibilityTimeout: must be a multiple of 1s, but is 1500ms",
		},
		"gone before retry": {
			"visibilityTimeout: 10m\nretention: 5m",
			"visibilityTimeout: must be shorter than retention",
		},
		"no duration":    {"retention: soon", `retention: "soon" is not a duration`},
		"never received": {"deadLetter: {maxReceives: 0}", "deadLetter.maxReceives: must be from 1 to 1000"},
		"no count":       {"deadLetter: {}", `deadLetter: the key "maxReceives" is required`},
		"managed":        {"encryption: sqs-managed", ""},
		"key by id":      {"encryption: 11111111-2222-3333-4444-555555555555", ""},
		"key by alias":   {"encryption: alias/shop", ""},
		"no key":         {"encryption: on", "encryption: "},
		"unknown key":    {"fifoo: true", `fifoo: unknown key "fifoo"`},
	})
}
