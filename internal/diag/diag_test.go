package diag

import "testing"

func TestSortDropsEveryRepeat(t *testing.T) {
	a := func() *Diagnostic { return New(Invalid, "A", "a", "") }
	b := New(Invalid, "B", "b", "")
	list := List{
		a(), b, a(), New(Invalid, "C", "c", "").At(Position{File: "f", Line: 2}),
		New(Invalid, "C", "c", "").At(Position{File: "f", Line: 1}),
	}.Sort()
	if len(list) != 4 || list[0].Position.Line != 1 || list[1].Position.Line != 2 || list[2].Summary != "A" ||
		list[3].Summary != "B" {
		t.Errorf("got %v", list)
	}
}

func TestNearest(t *testing.T) {
	for written, want := range map[string]string{
		"prodution": "production", "prod": "production", "PRODUCTION": "production",
		"stag": "", "pr": "", "elsewhere": "", "": "",
	} {
		got := Nearest(written, []string{"dev", "production", "staging-a", "staging-b"})
		if got != want {
			t.Errorf("Nearest(%q) = %q, want %q", written, got, want)
		}
	}
}
