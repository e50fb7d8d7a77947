package view

import (
	"maps"
	"slices"
	"time"

	"github.com/company/deployer/internal/report"
)

// Locks writes each lock and its holder.
func Locks(w *Writer, locks []report.Lock, now time.Time) {
	if len(locks) == 0 {
		w.Printf("Nothing is locked.\n")
		return
	}
	var rows [][]string
	for _, l := range locks {
		alive := styled(green, "alive")
		if !l.Alive {
			alive = styled(red, "gone")
		}
		rows = append(rows, []string{
			l.Stack + "/" + l.Environment, l.By, ago(now.Sub(l.At)), alive,
			l.Metadata["hostname"], l.ID,
		})
	}
	Table(w, []string{"STACK", "BY", "FOR", "HOLDER", "HOST", "LOCK ID"}, rows)
}

// Lock writes all details of one lock.
func Lock(w *Writer, l *report.Lock, now time.Time) {
	w.Printf("%s/%s is locked\n", styled(bold, l.Stack), styled(bold, l.Environment))
	state := "alive"
	if !l.Alive {
		state = "has ended: the next run takes over the lock"
	}
	rows := [][2]string{
		{"lock id", l.ID},
		{"by", l.By},
		{"since", l.At.UTC().Format(time.RFC3339) + " (" + ago(now.Sub(l.At)) + ")"},
		{"last heartbeat", l.LastHeartbeat.UTC().Format(time.RFC3339) + " (" + ago(now.Sub(l.LastHeartbeat)) + " ago)"},
		{"expires", l.Expires.UTC().Format(time.RFC3339)},
		{"holder", state},
	}
	for _, key := range slices.Sorted(maps.Keys(l.Metadata)) {
		rows = append(rows, [2]string{key, l.Metadata[key]})
	}
	for _, row := range rows {
		w.Printf("  %s %s\n", pad(row[0]+":", 16), row[1])
	}
}
