package ecsfake

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
)

// admin serves, under /_proxy/ecs/:
//
//	GET    rules      the rules, the strongest first
//	POST   rules      add one rule or a list of rules (JSON as of Rule)
//	DELETE rules      remove all rules
//	GET    services   all services as DescribeServices shows them, unmoved
func (f *Fake) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rules", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		writeJSON(w, orEmpty(f.rules))
	})
	mux.HandleFunc("POST /rules", func(w http.ResponseWriter, r *http.Request) {
		rules, err := decodeRules(r.Body)
		if err == nil {
			err = f.AddRules(rules...)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /rules", func(w http.ResponseWriter, _ *http.Request) {
		f.ClearRules()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /services", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		out := []any{}
		for _, arn := range sortedKeys(f.clusters) {
			for _, s := range f.clusters[arn].services {
				out = append(out, f.viewService(s, true))
			}
		}
		writeJSON(w, out)
	})
	return mux
}

func decodeRules(r io.Reader) ([]Rule, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimSpace(data)
	if len(data) > 0 && data[0] == '{' {
		data = append(append([]byte{'['}, data...), ']')
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var rules []Rule
	err = decoder.Decode(&rules)
	return rules, err
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
