package report

// Written is what a command wrote into the repository.
type Written struct {
	Stack       string        `json:"stack"`
	Environment string        `json:"environment,omitempty"` // that was added
	Address     string        `json:"address,omitempty"`     // of the component that was added
	Kind        string        `json:"kind,omitempty"`        // of that component
	Files       []WrittenFile `json:"files"`
	Next        []string      `json:"next"` // commands to go on with
}

// WrittenFile is one file.
type WrittenFile struct {
	Path    string `json:"path"`
	Created bool   `json:"created"` // false: it existed and is unchanged
}
