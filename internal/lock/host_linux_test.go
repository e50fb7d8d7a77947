package lock

import "testing"

func TestStartTime(t *testing.T) {
	for stat, want := range map[string]string{
		"12 (bash) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2":                 "98765",
		"12 (a) b (c) R 1) R 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1 2":          "4242",
		"12 (tmux: server) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 77 1 2\nmore line": "77",
	} {
		if got, running := startTime([]byte(stat)); got != want || !running {
			t.Errorf("%q: %q %v", stat, got, running)
		}
	}
	if _, running := startTime([]byte("12 (bash) Z 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2")); running {
		t.Error("a zombie holds nothing")
	}
	if got, running := startTime([]byte("garbage")); got != "" || !running {
		t.Error("what cannot be read must not count as dead")
	}
}

func TestSinceBoot(t *testing.T) {
	first := ThisHost().SinceBoot()
	if second := ThisHost().SinceBoot(); first <= 0 || second < first {
		t.Errorf("%s, then %s", first, second)
	}
}
