package view

import (
	"encoding/json"
	"fmt"

	"github.com/company/deployer/internal/permission"
)

// Policy writes an IAM policy document: valid JSON that a person can read, with one line for each action and ARN,
// except in conditions.
func Policy(w *Writer, d permission.Document) error {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	w.Printf("%s\n", block(text))
	return nil
}
