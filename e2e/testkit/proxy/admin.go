package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// adminPrefix starts the proxy's own paths. No S3 bucket can be called so.
const adminPrefix = "/_proxy/"

// adminRoutes are the endpoints for shell scripts and other processes:
//
//	GET    /_proxy/records?service=&operation=&resource=&mutating=true&attempt=
//	                        the records as JSON lines
//	GET    /_proxy/count    the same filter; the number of records, as text
//	DELETE /_proxy/records  forget the records
//	GET    /_proxy/faults   the armed faults
//	POST   /_proxy/faults   arm one fault or a list of faults (JSON as of Fault)
//	DELETE /_proxy/faults   disarm all
//	PUT    /_proxy/latency  the body is a duration such as 20ms
//	PUT    /_proxy/skew     shift the Date header of answers, such as -2h
//	POST   /_proxy/reset    records, faults, remembered policies, fakes
func (p *Proxy) adminRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_proxy/records", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		_ = p.WriteRecords(w, filterOf(r)) // a reader that left needs no answer
	})
	mux.HandleFunc("GET /_proxy/count", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strconv.Itoa(p.Count(filterOf(r)))+"\n")
	})
	mux.HandleFunc("DELETE /_proxy/records", func(w http.ResponseWriter, _ *http.Request) {
		p.ResetRecords()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_proxy/faults", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(p.faults.list())
	})
	mux.HandleFunc("POST /_proxy/faults", p.adminFaults)
	mux.HandleFunc("DELETE /_proxy/faults", func(w http.ResponseWriter, _ *http.Request) {
		p.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("PUT /_proxy/latency", adminDuration(func(d Duration) { p.SetLatency(d.std()) }))
	mux.HandleFunc("PUT /_proxy/skew", adminDuration(func(d Duration) { p.SetDateSkew(d.std()) }))
	mux.HandleFunc("POST /_proxy/reset", func(w http.ResponseWriter, _ *http.Request) {
		p.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

func (p *Proxy) adminFaults(w http.ResponseWriter, r *http.Request) {
	faults, err := decodeFaults(r.Body)
	if err == nil {
		err = p.Inject(faults...)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// decodeFaults reads one fault or a list of them and refuses unknown members.
func decodeFaults(r io.Reader) ([]Fault, error) {
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
	var faults []Fault
	if err := decoder.Decode(&faults); err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	return faults, nil
}

func filterOf(r *http.Request) Filter {
	q := r.URL.Query()
	attempt, _ := strconv.Atoi(q.Get("attempt")) // absent means any
	return Filter{
		Service: q.Get("service"), Operation: q.Get("operation"), Resource: q.Get("resource"),
		Mutating: q.Get("mutating") == "true", Attempt: attempt,
	}
}

func adminDuration(set func(Duration)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		var d Duration
		if err := d.UnmarshalJSON([]byte(strconv.Quote(string(bytes.TrimSpace(text))))); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		set(d)
		w.WriteHeader(http.StatusNoContent)
	}
}
